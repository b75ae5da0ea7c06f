import type { Config } from './schema.ts'
import type { Hint } from './type-hints.ts'

/** Actions that go out whatever their customers have said, where customers can say something. */
export function consentHints({ topics, actions }: Config): Hint[] {
  if (!topics.some(({ role }) => role === 'consent')) return []
  return actions.flatMap(({ name, purpose }, index): Hint[] =>
    purpose === undefined
      ? [{ path: ['actions', index], message: `${name} has no purpose, so it needs no consent` }]
      : [],
  )
}
