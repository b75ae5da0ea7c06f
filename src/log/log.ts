/**
 * The port to the log (Kafka). `kafka/` and `memory/` implement it and pass the same tests (`log.contract.ts`).
 *
 * Delivery: a batch that was not handled to its end comes again; what is written goes out exactly once, together with
 * the input offset, by `SliceWriter`. Order: by partition. Readers see committed records only.
 */
import type { OutRecord, RecordBatch } from '../events/log.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** One text for a partition of a topic, as a key. */
export const partitionKey = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`

export interface Log {
  /**
   * Joins the group and hands over its partitions' batches: one handler call at a time by partition, partitions
   * concurrently. Partitions of one number go to the same member in all topics, since their profiles are the same.
   * In every generation a partition starts at its committed offset (the one before, if the last commit is only
   * milliseconds old), at its beginning where there is none; seek to go on elsewhere. Throws LogError where it can't join.
   */
  consume(options: ConsumeOptions): Promise<Consumption>
  /** Opens a transactional producer. From then on the previous owner of the id is fenced, and its open transaction aborted. */
  openWriter(transactionalId: string): Promise<SliceWriter>
  /**
   * Appends without a transaction, acknowledged by all replicas; at least once. For feeders and tools.
   * @returns the offset of the first record in each partition written, by `partitionKey`
   */
  append(records: readonly OutRecord[]): Promise<ReadonlyMap<string, number>>
  /**
   * The committed records of [fromOffset, untilOffset), without a group. Ends there, or at the last stable offset;
   * nextOffset of the last batch tells which. Starts at the first offset kept where fromOffset is gone: see startOffset.
   */
  read(topic: string, partition: number, fromOffset: number, untilOffset: number): AsyncIterable<RecordBatch>
  /**
   * What a group committed of one partition number, of one moment, in the order of the topics. To be asked after openWriter,
   * which settles what the previous owner left open.
   */
  committedOffsets(groupId: string, topics: readonly string[], partition: number): Promise<CommittedOffset[]>
  /** Those of the topics that there are, as any broker sees them. Answers within some seconds, or throws LogError `unavailable`. */
  topics(names: readonly string[]): Promise<TopicState[]>
  /** Throws LogError `unknown_topic`. */
  partitionCount(topic: string): Promise<number>
  /** The first offset kept, and the last stable offset: past the last record that can be read. */
  offsets(topic: string, partition: number): Promise<{ readonly low: number; readonly high: number }>
  /** Where what the leader of that epoch wrote, and those before it, ends in the log as it is now; 0 where nothing is left of it. */
  endOfEpoch(topic: string, partition: number, epoch: number): Promise<number>
  /**
   * The brokers' time, whatever this machine's clock says; ms. Undefined until they were asked, and where this machine's
   * clocks have parted since.
   */
  nowMs(): number | undefined
  /**
   * Asks the brokers for their time, by a transaction of the group that holds nothing and is aborted. Throws LogError.
   */
  askTime(groupId: string): Promise<void>
  /** Those that exist are left as they are. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  /** Raises the number of a topic's partitions to that, and waits until each can be used. Throws LogError, `refused` where it has more. */
  addPartitions(topic: string, partitions: number): Promise<void>
  close(): Promise<void>
}

export interface ConsumeOptions {
  readonly topics: readonly string[]
  readonly groupId: string
  /**
   * Resolved: the batch is done, the next one follows on. Returned early because `turn` is no longer current: the batch
   * goes to whoever owns the partition now.
   */
  onBatch(batch: RecordBatch, turn: Turn): Promise<void>
  /**
   * Before partitions may pass to another member, as the group is joined again or left: what is to be saved for their next
   * owner. No handler runs, and it is waited for, `maxRevokingMs` at most, longer where the group is left. Absent: nothing.
   */
  onRevoking?(): Promise<void>
  /** Every generation, before its first batch: all that is owned now. What is missing from it was lost. */
  onAssigned(partitions: readonly TopicPartition[], consumption: Consumption): void
  /**
   * The handler threw, or the partition's bytes can't be read (`checksum`, `unreadable`), or its log is not the one that was read so far (LogError
   * `out_of_range`, `diverged`, `unknown_topic`): nothing of such a log is ever handed over. The batch comes again after a back-off (0.1 s, doubled up
   * to 5 s); other partitions go on. Pause the partition to stop that.
   */
  onFailure(error: unknown, at: TopicPartition): void
  /** The consumption has ended for good and the group was left; nothing more will come. */
  onCrash(error: LogError): void
}

/** Far less than a member may be silent in a rebalance. */
export const maxRevokingMs = 3_000

export interface Consumption {
  /**
   * Waits for the running handlers, whose turns are no longer current, so that they may return early, and for
   * `onRevoking`, 8 s at most; then leaves the group, within 5 s, also while it rebalances.
   */
  stop(): Promise<void>
  /** No batch is handed over until the partition is lost. A running handler goes on. */
  pause(at: TopicPartition): void
  /** What is known of a partition by the answers to its fetches; undefined where it is not owned, or nothing is told of it. */
  seen(at: TopicPartition): Seen | undefined
  /** Whether the group counts on this member, as far as it knows. */
  isMember(): boolean
  /** The next batch starts at that offset, whatever the running handler does. */
  seek(at: TopicPartition, offset: number): void
}

export interface Seen {
  /** undefined before the first answer. */
  readonly highWatermark: number | undefined
  /** How long its next fetch has been without an answer; ms. 0 while none is due: a batch is handled, or it is paused. */
  readonly unansweredMs: number
  /** How long one open transaction of a producer has held back the records behind it, as far as was seen; ms, 0 for none. */
  readonly heldBackMs: number
}

/** A handler's claim on its partition. Only liveness rests on it; safety rests on the writer's fencing. */
export interface Turn {
  /**
   * Proves that the group still counts on this member: asks it at most once a second, however often it is called. Never
   * throws: where the group does not answer, or is rebalancing, isCurrent() is false. A long handler need not call it to
   * stay a member, but it must look at isCurrent() every few seconds: a rebalance waits for it, 15 s at most.
   */
  heartbeat(): Promise<void>
  /** Still owned, in the generation that the batch was fetched in, and not being stopped. */
  isCurrent(): boolean
}

export interface SliceWriter {
  /**
   * One transaction: the records, and the input offset to go on from. Resolves when it is committed; readers and
   * committedOffsets see that some milliseconds later, unless openWriter comes between. After any throw
   * the writer is dead: open a new one, then committedOffsets tells what happened. Throws LogError: `aborted`, `fenced`
   * and `too_large` mean that it did not happen, `unknown_outcome` that it may have.
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
  /** Kept beside the offset; under 4096 bytes. */
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
  /** Another one of the same name has another. */
  readonly id: string
  readonly partitions: number
}

/**
 * `fenced`: another owner opened the transactional id. `aborted`: the transaction failed before its commit was asked for.
 * `unknown_outcome`: the commit was asked for and not answered. `checksum`: record bytes that are not those that were written,
 * fetched twice. `unreadable`: records of an unknown format or codec, or that unpack to too much.
 * `out_of_range`: the log has not, or no longer, the offset to go on from. `diverged`: what was read before that offset has
 * been replaced, by a leader that did not have it. `refused`: the brokers deny it (rights, credentials, settings).
 * `unavailable`: they did not answer in time.
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

/** Its message holds no record's data; its cause's message may. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }

  /** The same may succeed later, on a new writer. */
  get retriable(): boolean {
    return retriableCodes.has(this.code)
  }
}
