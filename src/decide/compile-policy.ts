import { type Evaluate, Scope, type Variable } from '../expressions/expression.ts'
import { actionVariables, type Moment } from '../features/moment.ts'
import type { Action, ActionDeclaration, Arbitration, Policy } from './policy.ts'

/** Where in an action's declaration a fault lies: `when`, `value`, `payload.item` … */
export type OnFault = (action: ActionDeclaration, path: readonly string[], fault: unknown) => void

/**
 * Compiles the actions; every fault goes to `onFault`, and its expression then reads as CEL's error.
 * @param features the features as variables
 * @param version content hash of all that decides
 */
export function compilePolicy(
  declarations: readonly ActionDeclaration[],
  arbitration: Arbitration,
  features: readonly Variable<Moment>[],
  version: string,
  onFault: OnFault,
): Policy {
  const scope = new Scope([...actionVariables, ...features])
  const actions = declarations.map((declaration): Action => {
    const compile = (path: readonly string[], source: string, wanted?: readonly string[]): Evaluate<Moment> => {
      try {
        const { evaluate, type } = scope.compile(source)
        if (wanted && type !== 'dyn' && !wanted.includes(type)) {
          throw new Error(`the expression is of type ${type}, not ${wanted[0]}`)
        }
        return evaluate
      } catch (fault) {
        onFault(declaration, path, fault)
        return () => undefined
      }
    }
    const { name, value, contact, channel, expiresMs } = declaration
    return {
      name,
      when: compile(['when'], declaration.when, ['bool']),
      value: typeof value === 'number' ? () => value : compile(['value'], value, ['double', 'int']),
      contact,
      channel,
      expiresMs,
      payload: Object.entries(declaration.payload).map(([key, of]) => [
        key,
        typeof of === 'object' ? compile(['payload', key], of.cel) : () => of,
      ]),
    }
  })
  actions.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { version, actions, arbitration }
}
