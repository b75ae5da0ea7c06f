import { lackingAfter } from '../features/carry-over.ts'
import type { FeatureSet } from '../features/features.ts'
import { type Gathered, gatheredKey } from '../store/event-history.ts'

/**
 * The kinds of profiles (`gatheredKey`) that have all features of the present rules. The kind that these rules write is always
 * one of them, and the first.
 * @param earlier the features of an earlier policy; undefined where it is not known
 */
export async function completeKinds(
  gathered: readonly Gathered[],
  { policy, features }: { readonly policy: string; readonly features: FeatureSet },
  earlier: (policy: string) => Promise<FeatureSet | undefined>,
): Promise<string[]> {
  const complete = new Set([gatheredKey({ policy, notReady: [] })])
  const sets = new Map<string, FeatureSet | undefined>([[policy, features]])
  for (const kind of gathered) {
    if (!sets.has(kind.policy)) sets.set(kind.policy, await earlier(kind.policy))
    const notReady = new Set(kind.notReady)
    if (lackingAfter(sets.get(kind.policy), notReady, features) === undefined) complete.add(gatheredKey(kind))
  }
  return [...complete]
}
