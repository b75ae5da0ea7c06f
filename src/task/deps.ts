import type { FeatureSet } from '../features/features.ts'
import type { JournalCodec } from '../journal/journal.ts'
import type { Log, SliceWriter, TopicPartition } from '../log/log.ts'
import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Pipeline } from '../pipeline.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { EventHistory } from '../store/event-history.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import type { RowWriter } from '../store/row-writer.ts'
import type { Timer } from '../timers/timer.ts'
import type { FoldQueue } from './fold-queue.ts'

/** What decides, and by what policy. */
export interface Decider {
  readonly pipeline: Pipeline
  readonly features: FeatureSet
  readonly timers: readonly Timer[]
  /** Content hash of the policy. */
  readonly policy: string
}

/** What all tasks share. */
export interface TaskDeps extends Decider {
  readonly log: Log
  readonly groupId: string
  /** Decides as a policy of before did; undefined where its text is not to be had. */
  readonly earlier: (policy: string) => Promise<Decider | undefined>
  /** Resolves when the store has the policy's text, so that whoever comes after can replay under it. */
  readonly policyStored: Promise<void>
  readonly journal: JournalCodec
  readonly journalTopic: string
  /** The partitions of the input topics. */
  readonly partitions: number
  readonly store: ProfileStore
  readonly history: EventHistory
  readonly rows: RowWriter
  readonly metrics: Metrics
  readonly logger: Logger
  readonly folding: FoldQueue
  readonly maxSliceEvents: number
  readonly checkpointMs: number
  /** What one task's profiles may take in memory now; bytes. */
  readonly profileBytes: () => number
  /** Fetches a schema that the decoder asks for, and gives it to the decoder; rejects while the registry is away. */
  readonly fetchSchema: (topic: string, id: number, nowMs: number) => Promise<void>
  /** Stops the fetch of a failed partition. */
  readonly pause: (at: TopicPartition) => void
}

/** All that an open task holds. */
export interface Opened {
  /** undefined after an error: a producer is thrown away then, and the next slice opens a new one. */
  writer: SliceWriter | undefined
  readonly profiles: ProfileCache
  /** All input before it is folded in and committed. */
  nextOffset: number
  /** The partition's clock: timers due by then have fired, but for those of a slice too full; ms. It never goes back. */
  clockMs: number
  /** The digest of all actions before it. */
  digest: string
  /** From where on the journal holds all slices at and past it, as far as is known. */
  journalOffset: number
  /** The position that the last stored checkpoint speaks for. */
  checkpointPosition: number
}

/** Goes up with every slice: by the offsets that it takes, and by one where timers fire or features are refolded in it. */
export const positionOf = ({ nextOffset, profiles }: Opened) => nextOffset + profiles.firings

/** The owner of a partition is the newest holder of this id; it names no host, so that a restart fences what was before. */
export const transactionalId = (groupId: string, { topic, partition }: TopicPartition) =>
  `${groupId}.${topic}.${partition}`

/** The features under rules of before; undefined where their text is not to be had. */
export const featuresOf =
  ({ earlier }: Pick<TaskDeps, 'earlier'>) =>
  async (policy: string): Promise<FeatureSet | undefined> =>
    (await earlier(policy))?.features
