import type { Action, Policy } from './policy.ts'

/** The actions that compete on an event which has made the condition of the crossing at `index` true, besides others. */
export const joinedBy = ({ onTimer }: Policy, actions: readonly Action[], index: number): readonly Action[] =>
  [...actions, ...onTimer[index]!].sort(byName)

/** Those that compete where several timers fire at one moment. */
export const joinTimers = ({ onTimer }: Policy, indexes: readonly number[]): readonly Action[] =>
  indexes.length === 1 ? onTimer[indexes[0]!]! : indexes.flatMap((index) => onTimer[index]!).sort(byName)

const byName = (a: Action, b: Action) => (a.name < b.name ? -1 : 1)
