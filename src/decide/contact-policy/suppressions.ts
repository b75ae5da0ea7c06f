import type { Refusal } from '../decision.ts'
import type { Selectable } from '../selector.ts'

/** An outcome that a suppression looks at, with the names that its action had. */
export interface Reaction extends Selectable {
  readonly outcome: string
  /** ms */
  readonly timeMs: number
  readonly tags: readonly string[]
}

/** Most customers have none, so they share it. In order of time. */
export const noReactions: readonly Reaction[] = []

/** A compiled suppression: `times` outcomes that count, the last less than `withinMs` after the first, turn actions off. */
export interface Suppression {
  readonly counts: (reaction: Reaction) => boolean
  readonly times: number
  readonly withinMs: number
  /** How long, from the last of them. */
  readonly offMs: number
  readonly refusal: Refusal
}

/** The most kept for a customer; past that the oldest are forgotten. */
const maxReactions = 200

/** Whether it is off as of then. It does not matter in which order the outcomes came. */
export function isOff(
  { counts, times, withinMs, offMs }: Suppression,
  of: readonly Reaction[],
  asOfMs: number,
): boolean {
  for (let last = of.length - 1; last >= 0; last--) {
    const reaction = of[last]!
    if (asOfMs - reaction.timeMs >= offMs) return false
    if (!counts(reaction)) continue
    let left = times - 1
    for (let i = last - 1; i >= 0 && left > 0; i--) {
      if (reaction.timeMs - of[i]!.timeMs >= withinMs) break
      if (counts(of[i]!)) left--
    }
    if (left === 0) return true
  }
  return false
}

/**
 * The reactions with one more, without those that are too old to turn anything off; the same list if no suppression counts it.
 * @param suppressions all of the policy
 */
export function withReaction(
  reactions: readonly Reaction[],
  reaction: Reaction,
  suppressions: readonly Suppression[],
): readonly Reaction[] {
  if (!suppressions.some(({ counts }) => counts(reaction))) return reactions
  const all = reactions.slice()
  let place = all.length
  while (place > 0 && all[place - 1]!.timeMs > reaction.timeMs) place--
  all.splice(place, 0, reaction)
  const keptMs = Math.max(...suppressions.map(({ withinMs, offMs }) => withinMs + offMs))
  const latestMs = all.at(-1)!.timeMs
  return all.filter(({ timeMs }) => latestMs - timeMs < keptMs).slice(-maxReactions)
}
