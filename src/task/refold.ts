import { setImmediate } from 'node:timers/promises'
import type { NotReady } from '../features/moment.ts'
import { type PastEvent, planRefold, Refold, type RefoldPlan } from '../features/refold.ts'
import { latestMs } from '../ingest/event-time.ts'
import type { Turn } from '../log/log.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { Profile } from '../profiles/profile.ts'
import type { TaskDeps } from './deps.ts'
import { loadAway } from './fold.ts'
import type { At, Opened } from './opened.ts'
import { beating, patiently } from './patience.ts'

/** Features that were not ready, computed from the events in the store. */
export type Refolds = ReadonlyMap<Profile, Refold>

/**
 * Reads the profiles' events before a position, all of which must be stored, and folds them. It does not change the profiles.
 * @param profiles their features are not ready
 */
export async function refold(
  { features, history, logger }: TaskDeps,
  at: At,
  profiles: readonly Profile[],
  beforePosition: number,
  turn: Turn,
): Promise<Refolds> {
  const plans = new Map<NotReady, RefoldPlan>()
  const planOf = ({ notReady = new Set() }: Profile): RefoldPlan => {
    const plan = plans.get(notReady) ?? planRefold(features, notReady)
    plans.set(notReady, plan)
    return plan
  }
  // A profile of traits or consent alone has no events to read.
  const withEvents = profiles.filter(({ streamTimeMs }) => streamTimeMs > 0)
  const sinceMs = Math.max(0, Math.min(latestMs, ...withEvents.map((one) => one.streamTimeMs - planOf(one).spanMs)))
  const byCustomer = new Map(profiles.map((profile) => [profile.customer, profile]))
  return patiently(turn, at, logger, async () => {
    const refolds = new Map(profiles.map((profile) => [profile, new Refold(planOf(profile))]))
    const wanted = { customers: [...byCustomer.keys()], sinceMs, beforePosition }
    for await (const piece of history.events(at.partition, wanted)) {
      for (const past of piece) {
        const profile = byCustomer.get(past.customer)!
        // Until `beckon erase` deletes them, the store still has events from before the erasure.
        if (past.position >= profile.erasedBefore) addPast(refolds.get(profile)!, past, at, logger)
      }
      // Lets slices go on between the pieces.
      await setImmediate()
    }
    return refolds
  })
}

/** An event on which an expression throws is skipped, as in the stream; it is the same each time. */
function addPast(into: Refold, past: PastEvent, at: At, logger: TaskDeps['logger']): void {
  try {
    into.add(past)
  } catch (error) {
    logger.error('event.processing', { ...at, error })
  }
}

/** Puts the computed rows into the profiles: from that position on their features are ready. */
export function install(
  refolds: Refolds,
  profiles: ProfileCache,
  at: At,
  position: number,
  logger: TaskDeps['logger'],
): void {
  for (const [profile, own] of refolds) {
    for (const past of profile.later ?? []) addPast(own, past, at, logger)
    profile.later = undefined
    if (!profiles.take(profile, position)) continue
    own.replaceIn(profile.groups, profile.streamTimeMs)
    profile.notReady = undefined
  }
}

/** In a replay: does the same again for a committed slice. All the customers' events before it are in the store. */
export async function refoldAgain(
  deps: TaskDeps,
  at: At,
  { profiles, position }: Opened,
  customers: readonly string[],
  turn: Turn,
): Promise<void> {
  await beating(turn, deps.rows.whenStored())
  await loadAway(profiles, customers, at, deps.logger, turn)
  const own = customers.map((customer) => profiles.of(customer))
  install(await refold(deps, at, own, position, turn), profiles, at, position, deps.logger)
}
