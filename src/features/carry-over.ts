import type { Feature, FeatureSet } from './features.ts'
import type { Period, Window } from './window.ts'

/**
 * What a feature has of the events that were folded under other rules. Profiles keep rows by the signatures of groups and
 * members (`profiles/codec.ts`), and a group as far back as its widest window; so those tell it, and nothing else does.
 */
export type CarryOver =
  /** All that it reads was gathered before. A computed feature gathers nothing: it is as those are that it reads. */
  | { readonly state: 'kept' | 'computed' }
  /** It begins with what its group kept for shorter windows, or with nothing, and lacks events meanwhile. */
  | { readonly state: 'fills_up' | 'starts_anew'; readonly lacks: Lack }

/** How long a feature lacks events from before the change, at the most. */
export type Lack =
  /** For that much of event time. */
  | { readonly forMs: number }
  /** Until the customer has had so many more events that it lets in. */
  | { readonly forEvents: number }
  /** Until the next local day, week or month begins. */
  | { readonly untilNext: Period; readonly timezone: string }
  /** Until the customer's session is over. */
  | { readonly untilNext: 'session' }
  | { readonly forEver: true }

/** @param window the feature's own; undefined of a computed feature */
export function carryOver(before: FeatureSet, { state }: Feature, window: Window | undefined): CarryOver {
  if (state === undefined || window === undefined) return { state: 'computed' }
  const group = before.groups.find(({ signature }) => signature === state.group.signature)
  const isGathered = group?.members.some(({ signature }) => signature === state.member.signature) ?? false
  const kept = isGathered ? group!.placement.kept : 0
  if (isGathered && kept >= state.back) return { state: 'kept' }
  return { state: isGathered ? 'fills_up' : 'starts_anew', lacks: lackOf(window, state.back, kept) }
}

/** @param back how far the window looks back, of which the rows go back by `kept` */
function lackOf(window: Window, back: number, kept: number): Lack {
  switch (window.kind) {
    case 'panes':
    case 'sliding':
      return { forMs: (window.sizeMs / back) * (back - kept) }
    case 'events':
      return { forEvents: back - kept }
    case 'calendar':
      return { untilNext: window.period, timezone: window.timezone }
    case 'session':
      return { untilNext: 'session' }
    case 'lifetime':
      return { forEver: true }
  }
}
