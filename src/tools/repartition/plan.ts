import type { Checkpoint } from '../../journal/checkpoint.ts'
import type { TopicState } from '../../log/log.ts'

/** A partition's checkpoint, with the position that it speaks for. */
export interface Saved {
  readonly partition: number
  readonly position: number
  readonly checkpoint: Checkpoint
}

/** The state before anything is done. */
export interface Found {
  /** The input topics. */
  readonly inputs: readonly TopicState[]
  readonly journal: TopicState
  /** Checkpoints of the partitions that have one. */
  readonly saved: readonly Saved[]
}

/** What is left to do: everything, only the last steps, or nothing. */
export interface Plan {
  readonly step: 'move' | 'finish' | 'done'
  /** The number of partitions before. */
  readonly from: number
  readonly to: number
  /** The topics that need more partitions. */
  readonly grow: readonly string[]
}

/** Why customers can't be moved. The message says what to do, and holds no id. */
export class RepartitionFault extends Error {}

/** @throws RepartitionFault */
export function planRepartition(to: number, { inputs, journal, saved }: Found): Plan {
  const counts = [...new Set(saved.map(({ checkpoint }) => checkpoint.partitions))]
  const [from] = counts
  if (from === undefined) {
    throw new RepartitionFault('no profiles are stored yet: give the topics their partitions by other means')
  }
  if (counts.length > 1) {
    throw new RepartitionFault(`the checkpoints speak of ${counts.join(' and ')} partitions: restore profiles`)
  }
  if (from === to) {
    const left = saved.find(({ position, checkpoint: { moved } }) => position === moved?.position)?.checkpoint.moved
    return { step: left ? 'finish' : 'done', from: left?.from ?? from, to, grow: [] }
  }
  if (from > to) throw new RepartitionFault(`there are ${from} partitions, and they can only become more`)
  checkMoves(to, saved)
  for (const { topic, partitions } of inputs) {
    if (partitions === from || partitions === to) continue
    const mend = partitions > from ? `: --to ${partitions}, and the same number for all of them` : ''
    throw new RepartitionFault(`${topic} has ${partitions} partitions, which is neither ${from} nor ${to}${mend}`)
  }
  const small = [...inputs, journal].filter(({ partitions }) => partitions < to)
  return { step: 'move', from, to, grow: small.map(({ topic }) => topic) }
}

function checkMoves(to: number, saved: readonly Saved[]): void {
  for (const { partition, checkpoint } of saved) {
    const { move, moved, offsets } = checkpoint
    if (move && move.to !== to) {
      throw new RepartitionFault(`customers are being moved to ${move.to} partitions: end that with --to ${move.to}`)
    }
    const isBehind = Object.entries(moved?.takenBefore ?? {}).some(([topic, before]) => (offsets[topic] ?? 0) < before)
    if (!isBehind) continue
    const why = `partition ${partition} has not yet taken what came during the last repartition`
    throw new RepartitionFault(`${why}: let the service run until it has`)
  }
}
