import type { Checkpoint } from '../journal/checkpoint.ts'
import type { SliceWriter } from '../log/log.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { Homes } from './homes.ts'

/** All that a task holds while its partition is open. */
export interface Opened {
  /** undefined after an error: a producer is thrown away then, and the next slice opens a new one. */
  writer: SliceWriter | undefined
  readonly profiles: ProfileCache
  /** By topic, even those no longer consumed: all input before the offset is folded in and committed. */
  readonly offsets: Map<string, number>
  /** By topic, the epoch of the leader that wrote the last records before the offset; only where it is known. */
  readonly epochs: Map<string, number>
  /** Topics with no committed slice yet: their offsets are where the topics began when the partition was opened. */
  readonly untaken: Set<string>
  /** Goes up with every slice (`widthOf`); all slices before it are folded in and committed. */
  position: number
  /** By topic: all that was in it by then is folded in; ms. Only for topics that were looked at. */
  readonly takenMs: Map<string, number>
  /** The partition's clock: timers due by then have fired, except where a slice was full; ms (`clockOf`). */
  clockMs: number
  /** The digest of all actions before the position. */
  digest: string
  /** The journal's slices from the position on are all at or past this offset. */
  journalOffset: number
  /** The position of the last stored checkpoint. */
  checkpointPosition: number
  /** What the checkpoint says about repartitions; each new checkpoint repeats it. */
  readonly moves: Pick<Checkpoint, 'moved' | 'move'>
  /** Tells which records are the partition's own; undefined where all are. */
  readonly homes: Homes | undefined
}

/** Topic and partition, for the log. */
export interface At {
  readonly topic?: string
  readonly partition: number
}

/** Add it to an offset of the topic to get the position of a record in the next slice. */
export const originOf = ({ position, offsets }: Opened, topic: string) => position - offsets.get(topic)!

/** Where a committed slice has moved the task to. */
export interface Step {
  readonly topic: string
  readonly nextOffset: number
  readonly position: number
  readonly clockMs: number
  readonly digest: string
}

/** Moves on past a slice that is folded in and committed. */
export function advance(opened: Opened, { topic, nextOffset, position, clockMs, digest }: Step): void {
  opened.offsets.set(topic, nextOffset)
  opened.untaken.delete(topic)
  opened.position = position
  opened.clockMs = clockMs
  opened.digest = digest
}
