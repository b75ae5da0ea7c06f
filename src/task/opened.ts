import type { Checkpoint } from '../journal/checkpoint.ts'
import type { SliceWriter } from '../log/log.ts'
import type { ProfileCache } from '../profiles/cache.ts'
import type { Homes } from './homes.ts'

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

/** What a committed slice has moved. */
export interface Step {
  readonly topic: string
  readonly nextOffset: number
  readonly position: number
  readonly clockMs: number
  readonly digest: string
}

/** Goes on behind a slice that is committed and folded in. */
export function advance(opened: Opened, { topic, nextOffset, position, clockMs, digest }: Step): void {
  opened.offsets.set(topic, nextOffset)
  opened.untaken.delete(topic)
  opened.position = position
  opened.clockMs = clockMs
  opened.digest = digest
}
