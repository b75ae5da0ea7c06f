import { Unlike } from '../earlier.ts'
import type { FeatureSet } from '../features/features.ts'
import type { JournalCodec } from '../journal/journal.ts'
import type { Log, TopicPartition } from '../log/log.ts'
import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Pipeline } from '../pipeline.ts'
import type { EventHistory } from '../store/event-history.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import type { RowWriter } from '../store/row-writer.ts'
import type { SliceRows } from '../store/slice-rows.ts'
import type { Timer } from '../timers/timer.ts'
import type { FoldQueue } from './fold-queue.ts'

/** What decides, and by what policy. */
export interface Decider {
  /** It rethrows: where it throws, the partition is opened anew. */
  readonly pipeline: Pipeline
  /** The same, and it undoes what a throw leaves behind: for a partition that has met one. */
  readonly careful: Pipeline
  readonly features: FeatureSet
  readonly timers: readonly Timer[]
  /** Content hash of the policy. */
  readonly policy: string
  /** Content hash of all that folds beside it. */
  readonly settings: string
  /** Fetches a schema that the decoder asks for, and gives it to the decoder; rejects while the registry is away. */
  readonly fetchSchema: (topic: string, id: number, nowMs: number) => Promise<void>
}

/** What all tasks share. */
export interface TaskDeps extends Decider {
  readonly log: Log
  readonly groupId: string
  /** Folds and decides as under a policy and settings of before; '' for the present settings. */
  readonly earlier: (policy: string, settings: string) => Promise<Decider | Unlike>
  /** Resolves when the store has the policy's and the settings' texts, so that whoever comes after can replay under them. */
  readonly textsStored: Promise<void>
  readonly journal: JournalCodec
  readonly journalTopic: string
  /** The input topics: a task owns a partition of all of them. */
  readonly topics: readonly string[]
  /** The partitions of the input topics. */
  readonly partitions: number
  /** The id of an input topic; undefined while it is not known. */
  readonly topicId: (topic: string) => string | undefined
  readonly store: ProfileStore
  readonly history: EventHistory
  readonly rows: RowWriter
  readonly sliceRows: SliceRows
  readonly metrics: Metrics
  readonly logger: Logger
  readonly folding: FoldQueue
  readonly maxSliceEvents: number
  readonly checkpointMs: number
  /** What one task's profiles may take in memory now; bytes. */
  readonly profileBytes: () => number
  /** Stops the fetch of a failed partition. */
  readonly pause: (at: TopicPartition) => void
  /** Moves the fetch of a partition. */
  readonly seek: (at: TopicPartition, offset: number) => void
}

/** The features under rules of before; undefined where their text is not to be had. */
export const featuresOf =
  ({ earlier }: Pick<TaskDeps, 'earlier'>) =>
  async (policy: string): Promise<FeatureSet | undefined> => {
    const found = await earlier(policy, '')
    return found instanceof Unlike ? undefined : found.features
  }
