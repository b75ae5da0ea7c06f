/**
 * The log in memory, for the demo without a JVM and for unit tests: topics, committed-only reads, transactions with
 * fencing, control records, groups with generations. One object is both broker and client; two consumptions of it are
 * two members. It keeps all records and never deletes any.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { OutRecord, RecordBatch, RecordHeader } from '../../events/log.ts'
import { assignPartitions } from '../assign.ts'
import {
  type CommittedOffset,
  type ConsumeOptions,
  type Consumption,
  type Log,
  LogError,
  maxRevokingMs,
  type NewTopic,
  partitionKey,
  type Seen,
  type Slice,
  type SliceWriter,
  type TopicPartition,
  type TopicState,
  type Turn,
} from '../log.ts'
import { partitionOfKey } from '../murmur2.ts'

const maxBatchRecords = 4000
const maxRecordBytes = 1_000_000
const firstBackOffMs = 100
const longestBackOffMs = 5_000

interface StoredRecord {
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** By offset; null is a control record, which ends a transaction. */
type Partition = (StoredRecord | null)[]

interface Located {
  readonly to: Partition
  readonly key: string
  readonly record: OutRecord
}

interface Group {
  readonly committed: Map<string, { readonly offset: number; readonly metadata: string }>
  readonly members: Map<string, MemoryConsumption>
  /** The running handler of each partition, of whichever member: the next owner waits for it. */
  readonly running: Map<string, Promise<void>>
  /** Rebalances run one after the other. */
  rebalancing: Promise<void>
}

export class MemoryLog implements Log {
  readonly #now: () => number
  readonly #topics = new Map<string, Partition[]>()
  readonly #groups = new Map<string, Group>()
  readonly #epochs = new Map<string, number>()
  #members = 0
  #keyless = 0

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    for (const topic of options.topics) this.#partitions(topic)
    const member = new MemoryConsumption(this, options, `member-${++this.#members}`)
    this.group(options.groupId).members.set(member.id, member)
    await this.rebalance(options.groupId)
    return member
  }

  async openWriter(transactionalId: string): Promise<SliceWriter> {
    const epoch = (this.#epochs.get(transactionalId) ?? 0) + 1
    this.#epochs.set(transactionalId, epoch)
    let dead = false
    return {
      commit: async (slice) => {
        if (dead) throw new LogError('aborted', 'the writer is dead: open a new one')
        dead = true
        if (this.#epochs.get(transactionalId) !== epoch) throw new LogError('fenced', 'another owner opened the id')
        const written = this.#commit(slice)
        dead = false
        return written
      },
      close: async () => {
        dead = true
      },
    }
  }

  async append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>> {
    const written = this.#writeAll(this.#locate(records))
    this.#wake()
    return written
  }

  async *read(topic: string, partition: number, fromOffset: number, untilOffset: number): AsyncIterable<RecordBatch> {
    const end = Math.min(untilOffset, this.#partition(topic, partition).length)
    for (let next = fromOffset; next < end; ) {
      const batch = this.batch({ topic, partition }, next, end)
      yield batch
      next = batch.nextOffset
    }
  }

  async committedOffsets(groupId: string, topics: readonly string[], partition: number): Promise<CommittedOffset[]> {
    const { committed } = this.group(groupId)
    return topics.map((topic) => {
      this.#partition(topic, partition)
      return committed.get(partitionKey({ topic, partition })) ?? { offset: null, metadata: '' }
    })
  }

  async topics(names: readonly string[]): Promise<TopicState[]> {
    return names.flatMap((topic) => {
      const partitions = this.#topics.get(topic)?.length
      return partitions === undefined ? [] : [{ topic, id: topic, partitions }]
    })
  }

  /** The whole log has one epoch. */
  async endOfEpoch(topic: string, partition: number): Promise<number> {
    return this.#partition(topic, partition).length
  }

  async partitionCount(topic: string): Promise<number> {
    return this.#partitions(topic).length
  }

  async offsets(topic: string, partition: number): Promise<{ low: number; high: number }> {
    return { low: 0, high: this.#partition(topic, partition).length }
  }

  nowMs(): number {
    return this.#now()
  }

  async askTime(): Promise<void> {}

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    for (const { topic, partitions } of topics) {
      if (!this.#topics.has(topic))
        this.#topics.set(
          topic,
          Array.from({ length: partitions }, () => []),
        )
    }
  }

  async addPartitions(topic: string, partitions: number): Promise<void> {
    const all = this.#partitions(topic)
    if (all.length > partitions) throw new LogError('refused', `${topic} has ${all.length} partitions`)
    while (all.length < partitions) all.push([])
  }

  async close(): Promise<void> {
    for (const { members } of this.#groups.values())
      await Promise.all([...members.values()].map((member) => member.stop()))
  }

  group(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = { committed: new Map(), members: new Map(), running: new Map(), rebalancing: Promise.resolve() }
      this.#groups.set(groupId, group)
    }
    return group
  }

  /** A new generation: every member gives up what it owns, and learns what it owns now. */
  rebalance(groupId: string): Promise<void> {
    const group = this.group(groupId)
    group.rebalancing = group.rebalancing.then(async () => {
      await Promise.all([...group.members.values()].map((member) => member.release()))
      this.#assign(group)
    })
    return group.rebalancing
  }

  #assign({ members }: Group): void {
    if (members.size === 0) return
    const topics = new Set([...members.values()].flatMap(({ options }) => options.topics))
    const counts = new Map([...topics].map((topic) => [topic, this.#partitions(topic).length]))
    const numbers = Array.from({ length: Math.max(...counts.values()) }, (_, i) => i)
    const claims = [...members.values()].map(({ id, numbers: owned }) => ({ id, owned }))
    for (const [id, share] of assignPartitions(numbers, claims)) {
      const owned = share.flatMap((partition) =>
        [...counts].filter(([, count]) => partition < count).map(([topic]) => ({ topic, partition })),
      )
      members.get(id)!.assign(owned, share)
    }
  }

  highWatermark({ topic, partition }: TopicPartition): number {
    return this.#partition(topic, partition).length
  }

  batch(at: TopicPartition, startOffset: number, untilOffset: number): RecordBatch {
    const stored = this.#partition(at.topic, at.partition)
    const nextOffset = Math.min(untilOffset, startOffset + maxBatchRecords)
    const offsets: number[] = []
    for (let offset = startOffset; offset < nextOffset; offset++) if (stored[offset] !== null) offsets.push(offset)
    const record = (i: number) => stored[offsets[i]!]!
    return {
      ...at,
      startOffset,
      count: offsets.length,
      nextOffset,
      highWatermark: stored.length,
      offset: (i) => offsets[i]!,
      timestamp: (i) => record(i).timestamp,
      key: (i) => record(i).key,
      value: (i) => record(i).value,
      headers: (i) => record(i).headers,
    }
  }

  /** Does all checks first, so that a slice is written completely or not at all. */
  #commit({ records, groupId, topic, partition, nextOffset, metadata }: Slice): ReadonlyMap<string, number> {
    this.#partition(topic, partition)
    const located = this.#locate(records)
    const firsts = this.#writeAll(located)
    for (const written of new Set(located.map(({ to }) => to))) written.push(null)
    this.group(groupId).committed.set(partitionKey({ topic, partition }), { offset: nextOffset, metadata })
    this.#wake()
    return firsts
  }

  #locate(records: readonly OutRecord[]): Located[] {
    return records.map((record) => {
      const { topic, key, value } = record
      if ((value?.length ?? 0) > maxRecordBytes) throw new LogError('too_large', `a record for ${topic} is too large`)
      const count = this.#partitions(topic).length
      const hashed = () => (key === null ? this.#keyless++ % count : partitionOfKey(key, count))
      const partition = record.partition ?? hashed()
      return { to: this.#partition(topic, partition), key: partitionKey({ topic, partition }), record }
    })
  }

  /** @returns the offset of the first record in each partition, by `partitionKey` */
  #writeAll(located: readonly Located[]): ReadonlyMap<string, number> {
    const firsts = new Map<string, number>()
    for (const one of located) {
      if (!firsts.has(one.key)) firsts.set(one.key, one.to.length)
      this.#write(one)
    }
    return firsts
  }

  #write({ to, record: { key, value, headers, timestampMs } }: Located): void {
    to.push({
      timestamp: timestampMs ?? this.#now(),
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: Object.entries(headers).flatMap(([name, values]) =>
        (Array.isArray(values) ? values : [values]).map((one) => ({ name, value: Buffer.from(one) })),
      ),
    })
  }

  #wake(): void {
    for (const { members } of this.#groups.values()) for (const member of members.values()) member.wake()
  }

  #partitions(topic: string): Partition[] {
    const partitions = this.#topics.get(topic)
    if (partitions === undefined) throw new LogError('unknown_topic', `${topic} does not exist`)
    return partitions
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.#partitions(topic)[partition]
    if (found === undefined) throw new LogError('unknown_topic', `${topic} has no partition ${partition}`)
    return found
  }
}

interface Position {
  readonly at: TopicPartition
  /** null until the first batch, which starts at the committed offset: the last owner's handler may still move that. */
  next: number | null
  /** Sought while the handler runs: then the handler's end does not move the position. */
  sought: boolean
  paused: boolean
  /** A `#run` loop is active: it hands over a batch, or waits to. */
  busy: boolean
  backOffMs: number
}

class MemoryConsumption implements Consumption {
  readonly options: ConsumeOptions
  readonly id: string
  numbers: readonly number[] = []
  readonly #log: MemoryLog
  #positions = new Map<string, Position>()
  #generation = 0
  #stopping = false

  constructor(log: MemoryLog, options: ConsumeOptions, id: string) {
    this.#log = log
    this.options = options
    this.id = id
  }

  assign(owned: readonly TopicPartition[], numbers: readonly number[]): void {
    const before = this.#positions
    this.#generation++
    this.numbers = numbers
    this.#positions = new Map(
      owned.map((at) => {
        const paused = before.get(partitionKey(at))?.paused ?? false
        return [partitionKey(at), { at, next: null, sought: false, paused, busy: false, backOffMs: firstBackOffMs }]
      }),
    )
    this.options.onAssigned(owned, this)
    this.wake()
  }

  async stop(): Promise<void> {
    const { members, running } = this.#log.group(this.options.groupId)
    this.#stopping = true
    await Promise.all([...this.#positions.keys()].map((key) => running.get(key)))
    await this.release()
    if (members.delete(this.id)) await this.#log.rebalance(this.options.groupId)
  }

  /** Ends all turns, and waits for `onRevoking`. */
  async release(): Promise<void> {
    const { running } = this.#log.group(this.options.groupId)
    const keys = [...this.#positions.keys()]
    this.#generation++
    if (keys.length === 0) return
    const saved = async () => {
      await Promise.all(keys.map((key) => running.get(key)))
      await this.options.onRevoking?.()
    }
    await Promise.race([saved().catch(() => undefined), sleep(maxRevokingMs, undefined, { ref: false })])
  }

  pause(at: TopicPartition): void {
    const position = this.#positions.get(partitionKey(at))
    if (position !== undefined) position.paused = true
  }

  /** Transactions are never left open here, and fetches are answered at once. */
  seen(at: TopicPartition): Seen | undefined {
    if (!this.#positions.has(partitionKey(at))) return undefined
    return { highWatermark: this.#log.highWatermark(at), unansweredMs: 0, heldBackMs: 0 }
  }

  isMember(): boolean {
    return !this.#stopping
  }

  seek(at: TopicPartition, offset: number): void {
    const position = this.#positions.get(partitionKey(at))
    if (position === undefined) return
    position.next = offset
    position.sought = true
    this.wake()
  }

  wake(): void {
    for (const position of this.#positions.values()) {
      if (position.busy) continue
      position.busy = true
      void this.#run(position)
    }
  }

  /** Hands over the partition's batches, one after the other, until there are none or the claim is lost. */
  async #run(position: Position): Promise<void> {
    const { at } = position
    const key = partitionKey(at)
    const { running, committed } = this.#log.group(this.options.groupId)
    const generation = this.#generation
    const isCurrent = () => generation === this.#generation && !this.#stopping
    const turn: Turn = { isCurrent, heartbeat: async () => undefined }
    // Never in the caller's own turn of the event loop, as over a network.
    await new Promise(setImmediate)
    for (;;) {
      await running.get(key)
      if (!isCurrent() || position.paused) break
      if (running.has(key)) continue
      position.next ??= committed.get(key)?.offset ?? 0
      const high = this.#log.highWatermark(at)
      if (position.next >= high) break
      const handled = this.#handOver(position, this.#log.batch(at, position.next, high), turn)
      running.set(key, handled)
      await handled
      running.delete(key)
    }
    position.busy = false
  }

  async #handOver(position: Position, batch: RecordBatch, turn: Turn): Promise<void> {
    position.sought = false
    try {
      await this.options.onBatch(batch, turn)
      position.backOffMs = firstBackOffMs
      if (!position.sought) position.next = batch.nextOffset
    } catch (error) {
      this.options.onFailure(error, position.at)
      const waitMs = position.backOffMs
      position.backOffMs = Math.min(waitMs * 2, longestBackOffMs)
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }
}
