import type { Panes } from '../features/aggregate.ts'
import type { TimerState } from '../timers/states.ts'
import type { Profile } from './profile.ts'
import type { RecentIds } from './recent-ids.ts'

/**
 * A copy of all that an event may change in a profile, so that it can be put back. It shares what the stages replace but never
 * change in place (traits, consent, contacts, cases, what is not ready). It leaves out the profile's place in the cache and in
 * the partition.
 */
export type ProfileCopy = Pick<
  Profile,
  | 'streamTimeMs'
  | 'groups'
  | 'notReady'
  | 'later'
  | 'traits'
  | 'traitTimes'
  | 'consent'
  | 'contacts'
  | 'pastContacts'
  | 'reactions'
  | 'holds'
  | 'timers'
  | 'cases'
> & { readonly session: Profile['session']; readonly recentIds: RecentIds; readonly laterEvents: number }

export function copyProfile(profile: Profile): ProfileCopy {
  const { streamTimeMs, groups, notReady, later, session, traits, traitTimes, recentIds, contacts, timers } = profile
  const { consent, pastContacts, reactions, holds, cases } = profile
  return {
    streamTimeMs,
    groups: groups.map((panes) => panes && copyPanes(panes)),
    notReady,
    later,
    laterEvents: later?.length ?? 0,
    session: { ...session },
    traits,
    traitTimes,
    recentIds: recentIds.copy(),
    consent,
    contacts,
    pastContacts,
    reactions,
    holds,
    cases,
    timers: timers.length === 0 ? timers : timers.map((state): TimerState | undefined => state && { ...state }),
  }
}

/** Makes the profile what it was. The copy can't be used again. */
export function restoreProfile(profile: Profile, { laterEvents, ...copy }: ProfileCopy): void {
  if (copy.later !== undefined) copy.later.length = laterEvents
  Object.assign(profile, copy)
}

function copyPanes({ cells, stride, kept, keptStride }: Panes): Panes {
  return { cells: cells.slice(), stride, kept: kept.map(copyKept), keptStride, totals: undefined }
}

/** Handles the same kinds of values as `writeKept` in `codec.ts`. */
function copyKept(kept: unknown): unknown {
  if (kept instanceof Set) return new Set(kept)
  if (kept instanceof Map) return new Map(kept)
  if (kept instanceof Uint8Array || Array.isArray(kept)) return kept.slice()
  return kept
}
