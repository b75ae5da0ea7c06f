import type { Feature, FeatureSet } from './features.ts'
import type { NotReady } from './moment.ts'

/**
 * What a feature already has from events that were folded under other rules. Profiles keep rows by the signatures of groups
 * and members (`profiles/codec.ts`), and a group's rows as far back as its widest window. So these decide, and nothing else.
 */
export type CarryOver =
  /** Everything it reads is there. */
  | 'kept'
  /** It keeps nothing itself: it depends on the features it reads. */
  | 'computed'
  /** Some of what it reads is missing or does not go back far enough: it is not ready until computed from the events. */
  | 'from_events'

/** @param notReady features of `before` that were not ready themselves */
export function carryOver(before: FeatureSet, { state }: Feature, notReady?: NotReady): CarryOver {
  if (state === undefined) return 'computed'
  const group = before.groups.find(({ signature }) => signature === state.group.signature)
  const member = group?.members.find(({ signature }) => signature === state.member.signature)
  if (group === undefined || member === undefined) return 'from_events'
  let reach = group.placement.kept
  if (notReady !== undefined && group.features.some((name) => notReady.has(name))) {
    // The rows are complete only as far back as the ready ones of its features look.
    const ready = before.features.filter(({ name, state: of }) => of?.member === member && !notReady.has(name))
    reach = Math.max(Number.NEGATIVE_INFINITY, ...ready.map((feature) => feature.state!.back))
  }
  return reach >= state.back ? 'kept' : 'from_events'
}

/**
 * The features of `after` that are not ready in a profile that was built under the rules of `before`; undefined if all are.
 * @param before undefined if those rules are not known: then no aggregate counts as ready
 */
export function lackingAfter(
  before: FeatureSet | undefined,
  notReady: NotReady | undefined,
  after: FeatureSet,
): NotReady | undefined {
  const lacking = new Set<string>()
  for (const feature of after.features) {
    if (feature.state === undefined) continue
    if (before === undefined || carryOver(before, feature, notReady) === 'from_events') lacking.add(feature.name)
  }
  if (lacking.size === 0) return undefined
  // Computed features may read each other, in any order of declaration.
  for (let size = 0; size < lacking.size; ) {
    size = lacking.size
    for (const { name, names = [] } of after.features) {
      for (const read of names) if (lacking.has(read)) lacking.add(name)
    }
  }
  return lacking
}
