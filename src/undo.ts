import { copyProfile, restoreProfile } from './profiles/copy.ts'
import type { Profile } from './profiles/profile.ts'
import type { FoldedEvent, Output } from './slice-output.ts'

/**
 * Notes all that an event or a timer may change: its customer's profile and the slice's output so far. It copies the profile,
 * so it is not used where a throw can be undone in another way.
 * @returns puts it all back as if the event had never come, except `output.faults`
 */
export function noteForUndo(profile: Profile, output: Output, events: FoldedEvent[]): () => void {
  const { records, actions, decisions, consents, cases, tally, quarantined, bytes, deadLetterBytes } = output
  const copy = copyProfile(profile)
  const counts = { ...tally, decisions: { ...tally.decisions } }
  for (const name of ['lateBy', 'deadLetters', 'statements', 'actions', 'tooLarge', 'outcomes', 'verdicts'] as const) {
    Object.assign(counts, { [name]: new Map<string, number>(tally[name]) })
  }
  const lengths = [events, records, actions, decisions, consents, cases, quarantined.timers].map((list) => ({
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
