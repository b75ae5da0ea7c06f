/**
 * How far the dead letters of one partition have been redriven: all before offset `all`, and for some reasons also those
 * before the reason's own offset. The group `<group>.redrive` commits this: the offset, and the reasons as its metadata.
 */
import type { CommittedOffset } from '../../log/log.ts'

export interface Progress {
  readonly all: number
  readonly byReason: Readonly<Record<string, number>>
}

/** An offset past the end is from an earlier topic with the same name. */
export function readProgress({ offset, metadata }: CommittedOffset, low: number, high: number): Progress {
  if (offset === null || offset > high) return { all: low, byReason: {} }
  return {
    all: Math.max(offset, low),
    byReason: metadata === '' ? {} : (JSON.parse(metadata) as Record<string, number>),
  }
}

export function isDone({ all, byReason }: Progress, reason: string, offset: number): boolean {
  return offset < Math.max(all, offsetOf(byReason, reason))
}

/** A reason comes from a header that anyone may have written: `constructor` is not one of ours. */
export function offsetOf(byReason: Progress['byReason'], reason: string): number {
  return Object.hasOwn(byReason, reason) ? byReason[reason]! : 0
}

/** @param reason undefined if dead letters of all reasons were redriven */
export function advance({ all, byReason }: Progress, reason: string | undefined, nextOffset: number): Progress {
  if (reason !== undefined) return { all, byReason: { ...byReason, [reason]: nextOffset } }
  return {
    all: nextOffset,
    byReason: Object.fromEntries(Object.entries(byReason).filter(([, offset]) => offset > nextOffset)),
  }
}
