import type { Scope } from '../expressions/expression.ts'
import type { Moment } from '../features/moment.ts'
import { type ActionDeclaration, type Gate, type GateDeclaration, gateKinds } from './policy.ts'
import { checkNames } from './selector.ts'

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
      checkNames(declaration.of, actions, (path, fault) => onFault(declaration, ['of', ...path], fault))
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
