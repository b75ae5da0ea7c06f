import { Unlike } from '../earlier.ts'
import type { FeatureSet } from '../features/features.ts'
import type { Checkpoint } from '../journal/checkpoint.ts'
import { committedPosition } from '../journal/commit-metadata.ts'
import type { JournalCodec } from '../journal/journal.ts'
import type { CommittedOffset, Log, SliceWriter, TopicPartition } from '../log/log.ts'
import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import type { Pipeline } from '../pipeline.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { EventHistory } from '../store/event-history.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import type { RowWriter } from '../store/row-writer.ts'
import type { SliceRows } from '../store/slice-rows.ts'
import type { Timer } from '../timers/timer.ts'
import type { FoldQueue } from './fold-queue.ts'
import type { Homes } from './homes.ts'

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

/** All that an open task holds. */
export interface Opened {
  /** undefined after an error: a producer is thrown away then, and the next slice opens a new one. */
  writer: SliceWriter | undefined
  readonly profiles: ProfileCache
  /** By topic, those too that are not consumed any more: all input before it is folded in and committed. */
  readonly offsets: Map<string, number>
  /** By topic, the epoch of the leader that wrote the last records before the offset; only where it is known. */
  readonly epochs: Map<string, number>
  /** The topics of which no slice is committed yet: their offsets are where they began when the partition was opened. */
  readonly untaken: Set<string>
  /** Goes up with every slice (`widthOf`); all slices before it are folded in and committed. */
  position: number
  /** By topic: all that was in it by then is folded in; ms. Of those alone that were looked at. */
  readonly takenMs: Map<string, number>
  /** The partition's clock: timers due by then have fired, but for those of a slice too full; ms (`clockOf`). */
  clockMs: number
  /** The digest of all actions before it. */
  digest: string
  /** From where on the journal holds all slices at and past it, as far as is known. */
  journalOffset: number
  /** The position that the last stored checkpoint speaks for. */
  checkpointPosition: number
  /** What the checkpoint says of repartitions; each further one says it again. */
  readonly moves: Pick<Checkpoint, 'moved' | 'move'>
  /** Tells its own records; undefined where all are. */
  readonly homes: Homes | undefined
}

/** Whose partition number it is, for the log. */
export interface At {
  readonly topic?: string
  readonly partition: number
}

/** What is added to an offset of the topic to get the position of a record that is folded next. */
export const originOf = ({ position, offsets }: Opened, topic: string) => position - offsets.get(topic)!

/** The owner of a partition is the newest holder of this id; it names no host, so that a restart fences what was before. */
export const transactionalId = (groupId: string, partition: number) => `${groupId}.${partition}`

/** What the group has committed of a partition, of one moment. */
export interface Committed {
  readonly byTopic: ReadonlyMap<string, CommittedOffset>
  /** 0 where none of it was ours. */
  readonly position: number
}

export async function readCommitted(
  { log, groupId, topics }: Pick<TaskDeps, 'log' | 'groupId' | 'topics'>,
  partition: number,
): Promise<Committed> {
  const found = await log.committedOffsets(groupId, topics, partition)
  return {
    byTopic: new Map(found.map((committed, i) => [topics[i]!, committed])),
    position: Math.max(...found.map(({ metadata }) => committedPosition(metadata))),
  }
}

/** The features under rules of before; undefined where their text is not to be had. */
export const featuresOf =
  ({ earlier }: Pick<TaskDeps, 'earlier'>) =>
  async (policy: string): Promise<FeatureSet | undefined> => {
    const found = await earlier(policy, '')
    return found instanceof Unlike ? undefined : found.features
  }
