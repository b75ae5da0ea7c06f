import type { Value } from '../../events/event.ts'
import { nameOfLeaf } from '../../expressions/parts.ts'
import { toValue } from '../../expressions/to-value.ts'
import type { FeatureSet } from '../../features/features.ts'
import { timerVariables } from '../../features/moment.ts'
import { masked } from '../inspection/seen-record.ts'
import type { Change } from './change.ts'

/** What may be shown of a customer: no more than `beckon profile` and `beckon events` do. */

/** A variable's value as it may be shown. */
export type Show = (name: string, value: unknown) => Value

/** What a profile does not tell, but is one of our own classes. */
const classes = ['type', 'time_ms', 'bot', 'device', 'browser', 'os', 'referrer_class', 'channel_group', 'outcome']

/** Features, traits and the session as `profile` shows them; what is the event's alone by the kind of its values, as `events` does. */
export function showing({ features }: Pick<FeatureSet, 'features'>): Show {
  const names = [...classes, ...timerVariables.map(({ name }) => name), ...features.map(({ name }) => name)]
  const shown = new Set(names)
  return (name, value) => (shown.has(name) ? toValue(value) : masked(toValue(value)))
}

export interface ChangeView {
  readonly variable: string
  readonly from: Value
  readonly to: Value
  /** `to` is the next number past this one. */
  readonly beyond?: Value
  /** What becomes of the candidate then: the reason that it has. */
  readonly outcome: string
}

export function viewChange({ leaf, from, to, beyond, others = [], outcome }: Change, show: Show): ChangeView {
  const past = beyond === undefined ? {} : { beyond }
  const ends = { ...past, outcome: outcome.reason }
  if (typeof leaf === 'string') return { variable: leaf, from: toValue(from), to: toValue(to), ...ends }
  // A list has what it had before.
  const sources = typeof to === 'object' ? [leaf.name, ...others] : others
  const shown = sources.reduce((value: Value, name) => (value === null ? value : show(name, value)), toValue(to))
  return { variable: nameOfLeaf(leaf), from: show(leaf.name, from), to: shown, ...ends }
}
