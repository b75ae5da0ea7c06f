import { setTimeout as sleep } from 'node:timers/promises'
import type { Turn } from '../log/log.ts'
import { completeKinds } from '../profiles/complete-kinds.ts'
import type { Profile } from '../profiles/profile.ts'
import { gatheredKey } from '../store/event-history.ts'
import { StoreError } from '../store/store-error.ts'
import { featuresOf, type TaskDeps } from './deps.ts'
import type { At, Opened } from './opened.ts'
import { beating, patiently } from './patience.ts'
import { install, type Refolds, refold } from './refold.ts'

/** Customers in one step: their profiles are loaded between two slices, and the journal entry has all their ids. */
const maxCustomers = 1_000
/** Pause between two passes over all customers. */
const restMs = 1_000

/** What the task does for the backfill. */
export interface Host {
  /** Current as long as the task has the partition open. */
  readonly turn: Turn
  /** Does the work while no slice is under way; rejects where it fails, or where the task is closed first. */
  readonly between: <T>(work: (turn: Turn) => Promise<T>) => Promise<T>
  /** Commits a slice in which these customers' features were computed. */
  readonly commit: (customers: readonly string[], turn: Turn) => Promise<void>
}

/**
 * Computes the features that are not ready from the events in the store, for all customers of the partition. Customers in
 * memory go first. Each step takes a thousand:
 *
 *     between two slices: load the profiles, start to note new events    position B
 *     beside the slices:  read and fold their events before B
 *     between two slices: fold what has come since, put it in place, commit it in a slice of its own
 *
 * So the rows count each of the customer's events before the slice once, in order. The journal names the customers, and a
 * replay does the same at that position. Bound: one step in memory; the live stream waits for a step's first and last part.
 * Ends when all are ready. A customer who sends too many events meanwhile is tried again later.
 */
export async function backfill(deps: TaskDeps, partition: number, opened: Opened, host: Host): Promise<void> {
  const { history, metrics, logger, policy } = deps
  const { profiles } = opened
  const at = { partition }
  const labels = { partition: String(partition) }
  const ask = <T>(query: () => Promise<T>) => patiently(host.turn, at, logger, query)

  // Creates the series; where the backfill goes on after an opening, they keep their values.
  metrics.backfillPending.inc(labels, 0)
  metrics.backfilled.inc(labels, 0)
  const startMs = Date.now()
  const gathered = await ask(() => history.gathered(partition))
  const complete = await ask(() => completeKinds(gathered, deps, featuresOf(deps)))
  // The usual case, found without a look at each customer.
  const isDone = gathered.every((kind) => complete.includes(gatheredKey(kind)))
  let pending = isDone ? 0 : await ask(() => history.countNotReady(partition, complete))
  metrics.backfillPending.set(labels, pending)
  if (pending === 0 && profiles.notReady().next().done) return
  const count = pending
  logger.info('backfill.begun', { ...at, version: policy, count })

  async function* chunks(): AsyncGenerator<readonly string[]> {
    const inMemory = [...profiles.notReady()]
    for (let from = 0; from < inMemory.length; from += maxCustomers) yield inMemory.slice(from, from + maxCustomers)
    for (let after = ''; !isDone; ) {
      const found = await ask(() => history.notReady(partition, complete, after, maxCustomers))
      yield found
      if (found.length < maxCustomers) return
      after = found.at(-1)!
    }
  }

  for (let found = true; found; ) {
    found = false
    for await (const customers of chunks()) {
      if (customers.length === 0) continue
      const begun = await host.between((turn) => begin(opened, customers, turn))
      if (begun?.profiles.length === 0) continue
      found = true
      if (begun === undefined) continue
      const done = await finish(deps, at, opened, host, begun)
      pending = Math.max(0, pending - done)
      metrics.backfillPending.set(labels, pending)
      metrics.backfilled.inc(labels, done)
    }
    // Rows that were just written may not be in the store yet, so look once more.
    if (found) await sleep(restMs, undefined, { ref: false })
  }
  metrics.backfillPending.set(labels, 0)
  logger.info('backfill.done', { ...at, version: policy, count, ms: Date.now() - startMs })
}

interface Begun {
  readonly profiles: readonly Profile[]
  readonly beforePosition: number
}

/**
 * The customers whose features are not ready, and the position from which on their new events are noted.
 * @returns undefined where the store does not answer: slices must not wait for it
 */
async function begin(
  { profiles, position }: Opened,
  customers: readonly string[],
  turn: Turn,
): Promise<Begun | undefined> {
  const away = profiles.awayOf(customers)
  try {
    if (away.length > 0) await beating(turn, profiles.load(away))
  } catch (error) {
    if (error instanceof StoreError && error.retriable) return undefined
    throw error
  }
  const begun = customers.map((customer) => profiles.of(customer)).filter(({ notReady }) => notReady !== undefined)
  for (const profile of begun) profile.later = []
  return { profiles: begun, beforePosition: position }
}

/** @returns how many customers are ready now */
async function finish(
  deps: TaskDeps,
  at: At,
  opened: Opened,
  { turn: ownTurn, between, commit }: Host,
  { profiles, beforePosition }: Begun,
): Promise<number> {
  let whole: Refolds
  try {
    await deps.rows.whenStored()
    whole = await refold(deps, at, profiles, beforePosition, ownTurn)
  } catch (error) {
    // Nobody will use what was noted.
    for (const profile of profiles) profile.later = undefined
    throw error
  }
  return between(async (turn) => {
    const refolds = new Map([...whole].filter(([profile]) => profile.later !== undefined))
    if (refolds.size === 0) return 0
    install(refolds, opened.profiles, at, opened.position, deps.logger)
    await commit(
      [...refolds.keys()].map(({ customer }) => customer),
      turn,
    )
    return refolds.size
  })
}
