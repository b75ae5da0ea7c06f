import { setTimeout as sleep } from 'node:timers/promises'
import { erasureOf } from '../../ingest/erasure.ts'
import { Rejected } from '../../ingest/rejected.ts'
import { type Log, partitionKey, type TopicPartition } from '../../log/log.ts'
import { partitionOfKey } from '../../log/murmur2.ts'

/**
 * Erases a customer: first through the input, so that no replay brings them back, then from the tables.
 *
 *     a tombstone into each partition that knows them ─► the service stores a checkpoint past it ─► delete the rows before it
 *
 * It may be stopped and run again at any time: a second tombstone does no harm, and the next run finds what this one has not
 * deleted.
 */

/** A tombstone that we have sent. */
interface Tombstone extends TopicPartition {
  readonly offset: number
}

/** A partition in which the customer was erased: everything before the position has to go. */
export interface Erased {
  readonly partition: number
  readonly before: number
}

/** Numbers of rows by table; of profiles, only the ones that could be read. */
export interface Rows {
  readonly events: number
  readonly decisions: number
  readonly actions: number
  readonly consent: number
  readonly cases: number
  readonly profiles: number
}

/** How far a partition's stored checkpoint is: everything before it is in the tables. */
interface StoredProgress {
  readonly position: number
  /** By topic. */
  readonly offsets: Readonly<Record<string, number>>
}

/** The port to the tables. Everything throws StoreError. */
export interface ErasureStore {
  /** The partitions for which any table has rows of the customer. */
  partitions(customer: string): Promise<number[]>
  /** How many profiles of the customer can be read. */
  profiles(customer: string): Promise<number>
  progress(partition: number): Promise<StoredProgress>
  /** What the latest profiles of those partitions say; partitions without a profile are left out. */
  erased(customer: string, partitions: readonly number[]): Promise<Erased[]>
  /** Counts what is to be deleted. */
  count(customer: string, erased: readonly Erased[]): Promise<Rows>
  /** Deletes what `count` counts. */
  delete(customer: string, erased: readonly Erased[]): Promise<void>
  /** Deletes the empty rows that say the customer was erased. Only once nothing is left that they hide. */
  deleteMarks(customer: string, erased: readonly Erased[]): Promise<void>
}

/** A partition that has not reached its tombstone yet. */
export interface Waiting extends Tombstone {
  readonly storedOffset: number
  /** Whether it has moved since the last report. */
  readonly moves: boolean
}

interface EraseOptions {
  /** The input topics in which a tombstone erases; at least one. */
  readonly topics: readonly string[]
  readonly customer: string
  /** Between two looks at the checkpoints; ms. */
  readonly lookMs: number
  /** Called every few looks with the partitions that we wait for. */
  readonly onWaiting: (waiting: readonly Waiting[]) => void
}

/** Why a customer can't be erased. The message says what to do, and holds no id. */
export class ErasureFault extends Error {}

const looksByTelling = 10

/** @returns the rows that are gone. @throws ErasureFault, StoreError, LogError */
export async function eraseCustomer(log: Log, store: ErasureStore, options: EraseOptions): Promise<Rows> {
  const { topics, customer } = options
  const key = erasureOf(Buffer.from(customer))
  if (key instanceof Rejected) throw new ErasureFault(`this is no customer's id: ${key.detail}`)
  // Where the tables have the customer, and where their next event would go: it may be sent already, but not stored yet.
  const home = partitionOfKey(customer, await log.partitionCount(topics[0]!))
  const partitions = [...new Set([...(await store.partitions(customer)), home])]
  const before = new Map<number, number>()
  for (const partition of partitions) before.set(partition, (await store.progress(partition)).position)
  const profiles = await store.profiles(customer)
  await waitFor(store, await sendTombstones(log, options, partitions), options)
  const erased = await store.erased(customer, partitions)
  checkEffect(erased, before)
  const { profiles: _olds, ...rows } = await store.count(customer, erased)
  await store.delete(customer, erased)
  const left = Object.values(await store.count(customer, erased)).reduce((sum, n) => sum + n, 0)
  if (left > 0) throw new ErasureFault(`${left} rows were written while they were deleted: run it again`)
  await store.deleteMarks(customer, erased)
  return { ...rows, profiles }
}

/** To all topics that accept them: there is no order between topics, and events sent before have to go as well. */
async function sendTombstones(
  log: Log,
  { topics, customer }: EraseOptions,
  partitions: readonly number[],
): Promise<readonly Tombstone[]> {
  const targets = topics.flatMap((topic) => partitions.map((partition) => ({ topic, partition })))
  const written = await log.append(targets.map((at) => ({ ...at, key: customer, value: null, headers: {} })))
  return targets.map((at) => ({ ...at, offset: written.get(partitionKey(at))! }))
}

async function waitFor(
  store: ErasureStore,
  tombstones: readonly Tombstone[],
  { lookMs, onWaiting }: EraseOptions,
): Promise<void> {
  const told = new Map<Tombstone, number>()
  for (let look = 1; ; look++) {
    const waiting: Waiting[] = []
    for (const one of tombstones) {
      const { offsets } = await store.progress(one.partition)
      const storedOffset = offsets[one.topic] ?? 0
      if (storedOffset <= one.offset) waiting.push({ ...one, storedOffset, moves: storedOffset !== told.get(one) })
      if (look % looksByTelling === 0) told.set(one, storedOffset)
    }
    if (waiting.length === 0) return
    if (look % looksByTelling === 0) onWaiting(waiting)
    await sleep(lookMs)
  }
}

/**
 * Checks that the service has really erased them since. Otherwise it would still have the customer and write them again.
 * @param before how far each partition was before
 */
function checkEffect(erased: readonly Erased[], before: ReadonlyMap<number, number>): void {
  const found = new Map(erased.map((one) => [one.partition, one.before]))
  const missed = [...before].filter(([partition, position]) => (found.get(partition) ?? 0) <= position)
  if (missed.length === 0) return
  const names = missed.map(([partition]) => partition).join(', ')
  throw new ErasureFault(
    `the service has passed the tombstones of partition ${names} and erased nobody: ` +
      'restart it with this configuration, and run this again',
  )
}
