import type { Ended } from './contact-policy/ended-holds.ts'
import type { Action, Policy } from './policy.ts'

/** Adds to the competing actions those of the crossing at `index`, whose condition an event has made true. */
export const joinedBy = ({ onTimer }: Policy, actions: readonly Action[], index: number): readonly Action[] =>
  [...actions, ...onTimer[index]!].sort(byName)

/** The actions that compete when several timers fire at the same moment. */
export const joinTimers = ({ onTimer }: Policy, indexes: readonly number[]): readonly Action[] =>
  indexes.length === 1 ? onTimer[indexes[0]!]! : indexes.flatMap((index) => onTimer[index]!).sort(byName)

/** With the actions whose wait is over at the same moment, each once. */
export const joinEnded = (fired: readonly Action[], ended: readonly Ended[]): readonly Action[] =>
  ended.length === 0
    ? fired
    : [
        ...fired,
        ...ended.map(({ action }) => action).filter(({ name }) => !fired.some((one) => one.name === name)),
      ].sort(byName)

export const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1)
