/**
 * The port to the log (Kafka). `kafka/` and `memory/` implement it and pass the same tests (`log.contract.ts`).
 *
 * Delivery: a batch that was not fully handled comes again; `SliceWriter` writes exactly once, together with the input
 * offset. Order: by partition. Readers see committed records only.
 */
import type { OutRecord, RecordBatch } from '../events/log.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A topic's partition as one text, for use as a key. */
export const partitionKey = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`

export interface Log {
  /**
   * Joins the group and hands over its partitions' batches: one handler call at a time per partition, partitions
   * concurrently. A partition number goes to the same member in all topics, since they share its profiles. In every generation
   * a partition starts at its committed offset (the one before, if the last commit is only milliseconds old), or at its
   * beginning where there is none; seek to go on elsewhere. Throws LogError where it can't join.
   */
  consume(options: ConsumeOptions): Promise<Consumption>
  /** Opens a transactional producer. This fences the previous owner of the id and aborts its open transaction. */
  openWriter(transactionalId: string): Promise<SliceWriter>
  /**
   * Appends without a transaction, acknowledged by all replicas; at least once. For feeders and tools.
   * @returns the offset of the first record in each partition written, by `partitionKey`
   */
  append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>>
  /**
   * The committed records of [fromOffset, untilOffset), without a group. Ends there or at the last stable offset; the last
   * batch's nextOffset tells where. Where fromOffset is gone, it starts at the first offset that is left: see startOffset.
   */
  read(topic: string, partition: number, fromOffset: number, untilOffset: number): AsyncIterable<RecordBatch>
  /**
   * What a group has committed for one partition number, all read at one moment, in the order of the topics. Ask after
   * openWriter, which settles what the previous owner left open.
   */
  committedOffsets(groupId: string, topics: readonly string[], partition: number): Promise<CommittedOffset[]>
  /**
   * Those of the topics that exist, as any broker sees them; the first must exist at the first call. Answers within some
   * seconds, or throws LogError `unavailable`.
   */
  topics(names: readonly string[]): Promise<TopicState[]>
  /** Throws LogError `unknown_topic`. */
  partitionCount(topic: string): Promise<number>
  /** The first offset that is left, and the last stable offset: just past the last record that can be read. */
  offsets(topic: string, partition: number): Promise<{ readonly low: number; readonly high: number }>
  /** Where the records written by the leaders up to that epoch end in the log now; 0 where none is left. */
  endOfEpoch(topic: string, partition: number, epoch: number): Promise<number>
  /**
   * The brokers' time, whatever this machine's clock says; ms. Undefined until they were asked, and after this machine's
   * clocks have drifted apart.
   */
  nowMs(): number | undefined
  /** Asks the brokers for their time, with an empty transaction of the group that is then aborted. Throws LogError. */
  askTime(groupId: string): Promise<void>
  /** Topics that exist already are left as they are. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  /** Raises a topic's number of partitions, and waits until each can be used. Throws LogError; `refused` where it has more. */
  addPartitions(topic: string, partitions: number): Promise<void>
  close(): Promise<void>
}

export interface ConsumeOptions {
  readonly topics: readonly string[]
  readonly groupId: string
  /**
   * When it resolves, the batch is done and the next one follows. It may return early once `turn` is no longer current: then
   * the batch goes to the partition's present owner.
   */
  onBatch(batch: RecordBatch, turn: Turn): Promise<void>
  /**
   * Called before partitions may go to another member, when the group is joined again or left: save what their next owner
   * needs. No handler runs then. It is waited for `maxRevokingMs` at most, or longer when the group is left.
   */
  onRevoking?(): Promise<void>
  /** Called in every generation before its first batch, with all partitions owned now. Any that are missing were lost. */
  onAssigned(partitions: readonly TopicPartition[], consumption: Consumption): void
  /**
   * The handler threw, or the partition's bytes can't be read (LogError `checksum`, `unreadable`), or its log is no longer the
   * one that was read so far (`out_of_range`, `diverged`, `unknown_topic`; records of such a log are never handed over). The
   * batch comes again after a back-off (0.1 s, doubled up to 5 s); other partitions go on. Pause the partition to stop that.
   */
  onFailure(error: unknown, at: TopicPartition): void
  /** Consumption has ended for good and the group was left; nothing more will come. */
  onCrash(error: LogError): void
}

/** Far less than the time that a member may stay silent in a rebalance. */
export const maxRevokingMs = 3_000

export interface Consumption {
  /**
   * Waits for the running handlers (their turns are no longer current, so they may return early), and for `onRevoking`, 8 s at
   * most. Then leaves the group within 5 s, even during a rebalance.
   */
  stop(): Promise<void>
  /** Hands over no further batch, until the partition is lost. A running handler goes on. */
  pause(at: TopicPartition): void
  /** What the answers to a partition's fetches have shown; undefined where it is not owned. */
  seen(at: TopicPartition): Seen | undefined
  /** Whether this is a member of the group, as far as it knows. */
  isMember(): boolean
  /** The next batch starts at this offset, whatever the running handler does. */
  seek(at: TopicPartition, offset: number): void
}

export interface Seen {
  /** undefined before the first answer. */
  readonly highWatermark: number | undefined
  /** How long the next fetch has had no answer; ms. 0 while none is due: a batch is being handled, or it is paused. */
  readonly unansweredMs: number
  /** How long one open transaction of a producer has been seen to hold back the records after it; ms, 0 for none. */
  readonly heldBackMs: number
}

/** A handler's claim on its partition. Only liveness depends on it; safety comes from the writer's fencing. */
export interface Turn {
  /**
   * Checks that the group still has this member: asks at most once a second, however often it is called. Never throws: if the
   * group does not answer or is rebalancing, isCurrent() becomes false. A long handler need not call it to stay a member, but
   * must check isCurrent() every few seconds: a rebalance waits for it, 15 s at most.
   */
  heartbeat(): Promise<void>
  /** Still owned, in the generation that the batch was fetched in, and not being stopped. */
  isCurrent(): boolean
}

export interface SliceWriter {
  /**
   * One transaction: the records, and the input offset to go on from. Resolves when it is committed. Readers and
   * committedOffsets see that some milliseconds later, or at once after an openWriter. After any throw the writer is dead:
   * open a new one, then committedOffsets tells what happened. Throws LogError: `aborted`, `fenced` and `too_large` mean that
   * it did not happen, `unknown_outcome` that it may have.
   * @returns the offset of the first record in each partition written, by `partitionKey`
   */
  commit(slice: Slice): Promise<ReadonlyMap<string, number>>
  close(): Promise<void>
}

export interface Slice {
  readonly records: readonly OutRecord[]
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  /** Stored with the offset; under 4096 bytes. */
  readonly metadata: string
}

export interface CommittedOffset {
  /** null: none was committed. */
  readonly offset: number | null
  readonly metadata: string
}

export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  readonly replicas?: number
  readonly config?: Readonly<Record<string, string>>
}

/** A topic as it is now. */
export interface TopicState {
  readonly topic: string
  /** A topic that is created anew under the same name gets another id. */
  readonly id: string
  readonly partitions: number
}

/**
 * `fenced`: another owner opened the transactional id. `aborted`: the transaction failed before its commit was requested.
 * `unknown_outcome`: the commit was requested and not answered. `checksum`: record bytes are not what was written, in two
 * fetches. `unreadable`: records have an unknown format or codec, or unpack to too much. `out_of_range`: the log does not have
 * the offset to go on from, or no longer. `diverged`: what was read before that offset has been replaced, under a leader that
 * did not have it. `refused`: the brokers deny it (rights, credentials, settings). `unavailable`: no answer in time.
 */
export type LogErrorCode =
  | 'fenced'
  | 'aborted'
  | 'unknown_outcome'
  | 'too_large'
  | 'unknown_topic'
  | 'checksum'
  | 'unreadable'
  | 'out_of_range'
  | 'diverged'
  | 'refused'
  | 'unavailable'

const retriableCodes: ReadonlySet<LogErrorCode> = new Set(['fenced', 'aborted', 'unknown_outcome', 'unavailable'])

/** Its own message has no data of records; its cause's message may. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }

  /** Whether the same may succeed later, with a new writer. */
  get retriable(): boolean {
    return retriableCodes.has(this.code)
  }
}
