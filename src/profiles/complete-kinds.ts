import { lackingAfter } from '../features/carry-over.ts'
import type { FeatureSet } from '../features/features.ts'
import { type Gathered, gatheredKey } from '../store/event-history.ts'

/**
 * The kinds of profiles that have all that the present rules need (`gatheredKey`); those that these rules write, in any case.
 * @param earlier the features under rules of before; undefined where these are not known
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
