import { copyProfile, restoreProfile } from './profiles/copy.ts'
import type { Profile } from './profiles/profile.ts'
import type { FoldedEvent, Output } from './slice-output.ts'

/**
 * Notes all that an event, or a timer, may change: its customer's profile, and what the slice gave so far. It costs a copy of
 * the profile, so it is not done where a throw can be undone otherwise.
 * @returns puts it all back, as if the event had not come, but for `output.faults`: what was thrown has been
 */
export function noteForUndo(profile: Profile, output: Output, events: FoldedEvent[]): () => void {
  const { records, actions, decisions, tally, quarantined, bytes, deadLetterBytes } = output
  const copy = copyProfile(profile)
  const counts = { ...tally, decisions: { ...tally.decisions } }
  for (const name of ['lateBy', 'deadLetters', 'actions', 'tooLarge'] as const) {
    Object.assign(counts, { [name]: new Map<string, number>(tally[name]) })
  }
  const lengths = [events, records, actions, decisions, quarantined.timers].map((list) => ({
    list,
    length: list.length,
  }))
  return () => {
    restoreProfile(profile, copy)
    Object.assign(tally, counts)
    Object.assign(output, { bytes, deadLetterBytes })
    for (const { list, length } of lengths) list.length = length
  }
}
