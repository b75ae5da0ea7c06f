import { didYouMean, type Scope } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'
import { type ActionDeclaration, type Gate, type GateDeclaration, gateKinds } from './policy.ts'

/** Where in a gate's declaration a fault lies: `allow`, `of.tags.0` … */
export type OnGateFault = (gate: GateDeclaration, path: readonly (string | number)[], fault: unknown) => void

export interface CompiledGate extends Gate {
  readonly declaration: GateDeclaration
  /** The names that it reads. */
  readonly names: ReadonlySet<string>
}

/**
 * Compiles the gates, in the order in which they are asked: by kind, then as declared. Every fault goes to `onFault`; a gate
 * with a fault reads as CEL's error.
 */
export function compileGates(
  declarations: readonly GateDeclaration[],
  actions: readonly ActionDeclaration[],
  scope: Scope<Moment>,
  onFault: OnGateFault,
): CompiledGate[] {
  const rank = ({ kind }: GateDeclaration) => gateKinds.indexOf(kind)
  return declarations
    .toSorted((a, b) => rank(a) - rank(b))
    .map((declaration) => {
      const { name: gate, kind, allow } = declaration
      checkNames(declaration, actions, onFault)
      const about = {
        declaration,
        refusal: { reason: kind, gate },
        failure: { reason: 'error', gate },
      } as const
      try {
        const { evaluate, type, names } = scope.compile(allow)
        if (type !== 'bool' && type !== 'dyn') throw new Error(`the expression is of type ${type}, not bool`)
        return { ...about, allow: evaluate, names }
      } catch (fault) {
        onFault(declaration, ['allow'], fault)
        return { ...about, allow: () => undefined, names: new Set() }
      }
    })
}

/** Whether the gate is for the action. */
export function concerns({ of }: GateDeclaration, { name, group, tags = [] }: ActionDeclaration): boolean {
  if (of.actions.length + of.groups.length + of.tags.length === 0) return true
  if (of.actions.includes(name) || tags.some((tag) => of.tags.includes(tag))) return true
  return group !== undefined && of.groups.includes(group)
}

/** A gate for a name that nothing has would let everything through. */
function checkNames(gate: GateDeclaration, actions: readonly ActionDeclaration[], onFault: OnGateFault): void {
  const known = {
    actions: actions.map(({ name }) => name),
    groups: actions.flatMap(({ group }) => group ?? []),
    tags: actions.flatMap(({ tags }) => tags ?? []),
  }
  for (const key of ['actions', 'groups', 'tags'] as const) {
    for (const [index, name] of gate.of[key].entries()) {
      if (known[key].includes(name)) continue
      const what = key === 'actions' ? `there is no action ${name}` : `no action has the ${key.slice(0, -1)} ${name}`
      onFault(gate, ['of', key, index], new Error(`${what}${didYouMean(name, known[key])}`))
    }
  }
}
