import { createHash } from 'node:crypto'
import { canonical } from '../../canonical.ts'
import { rulesOf } from '../../decide/contact-policy/declaration.ts'
import type { Rules } from '../../engine.ts'

/** A feature, an action, a gate or a rule of the contact policy, and the version of its declaration. */
export interface Definition {
  readonly kind: 'feature' | 'action' | 'gate' | 'rule'
  readonly name: string
  /**
   * Content hash of the declaration with its defaults, without its name: 48 bits of SHA-256, as 12 hex digits. Comments,
   * the order of keys and the spelling of durations do not affect it; the text of an expression does.
   */
  readonly version: string
}

/** All features, then all actions, gates and rules, in the order of their declaration. */
export function definitionsOf({ features, actions, gates = [], contact_policy, enrich }: Rules): Definition[] {
  const { idle } = enrich.session
  return [
    ...features.map(({ name, ...content }): Definition => {
      // What counts as a session is declared elsewhere, but is part of what the feature computes.
      const isOfSession = 'window' in content && content.window.kind === 'session'
      return { kind: 'feature', name, version: hash(isOfSession ? { ...content, idle } : content) }
    }),
    ...actions.map(({ name, ...content }): Definition => ({ kind: 'action', name, version: hash(content) })),
    ...gates.map(({ name, ...content }): Definition => ({ kind: 'gate', name, version: hash(content) })),
    ...rulesOf(contact_policy).map(
      ({ name, ...content }): Definition => ({ kind: 'rule', name, version: hash(content) }),
    ),
  ]
}

const hash = (content: unknown) => createHash('sha256').update(canonical(content)).digest('hex').slice(0, 12)
