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

/** Code that folds and decides under one policy and settings. */
export interface Decider {
  /** It rethrows: after a throw the partition is closed and opened again. */
  readonly pipeline: Pipeline
  /** The same, but it undoes what a throw leaves behind: for a partition where the code has thrown lately. */
  readonly careful: Pipeline
  readonly features: FeatureSet
  readonly timers: readonly Timer[]
  /** Whether something may be due though no timer runs: actions that wait, cases that are open. */
  readonly hasOthersDue?: boolean
  /** Content hash of the policy. */
  readonly policy: string
  /** Content hash of the settings: everything else that decides how events are folded. */
  readonly settings: string
  /** Fetches a schema that the decoder asks for, and gives it to the decoder; rejects while the registry is away. */
  readonly fetchSchema: (topic: string, id: number, nowMs: number) => Promise<void>
}

/** What all tasks share. */
export interface TaskDeps extends Decider {
  readonly log: Log
  readonly groupId: string
  /** What folds and decides as under an earlier policy and settings ('' for the present settings). */
  readonly earlier: (policyHash: string, settingsHash: string) => Promise<Decider | Unlike>
  /** Resolves when the store has the texts of the policy and the settings, so that later owners can replay under them. */
  readonly textsStored: Promise<void>
  readonly journal: JournalCodec
  readonly journalTopic: string
  /** The input topics: a task owns a partition of all of them. */
  readonly topics: readonly string[]
  /** The number of partitions of the input topics. */
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

/** The features of an earlier policy; undefined where its text is gone or can't be used. */
export const featuresOf =
  ({ earlier }: Pick<TaskDeps, 'earlier'>) =>
  async (policyHash: string): Promise<FeatureSet | undefined> => {
    const found = await earlier(policyHash, '')
    return found instanceof Unlike ? undefined : found.features
  }
