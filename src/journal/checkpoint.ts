import { isObject } from '../canonical.ts'
import { checkFormat, StateError } from '../store/state-error.ts'

/** The content of a checkpoint, kept as JSON in the checkpoint row's state. The row's version is the position. */
export interface Checkpoint {
  /** By topic, even those no longer consumed: all input before the offset is in the profiles. */
  readonly offsets: Readonly<Record<string, number>>
  /** The ids of those topics, where known: a topic that was created anew under the same name has another id. */
  readonly ids?: Readonly<Record<string, string>>
  /** The partition's clock: timers due by then have fired; ms. */
  readonly clockMs: number
  /** The digest of all actions before the position. */
  readonly digest: string
  /** The journal's slices from the position on are all at or past this offset. */
  readonly journalOffset: number
  /** The number of partitions of the input topics; a change would separate customers from their profiles. */
  readonly partitions: number
  /** The last repartition; absent where there never was one. */
  readonly moved?: Moved
  /** The repartition in progress. */
  readonly move?: Move
}

/** The value of `Checkpoint.ids` for these topics. @param topicId undefined while the id is not known */
export function idsOf(
  topics: readonly string[],
  topicId: (topic: string) => string | undefined,
): Readonly<Record<string, string>> {
  const known = topics.map((topic) => [topic, topicId(topic)] as const)
  return Object.fromEntries(known.filter((one): one is [string, string] => one[1] !== undefined))
}

/** Customers have moved to the partitions that their keys belong to under the new number. */
interface Moved {
  /** The number of partitions before. */
  readonly from: number
  /** The position at which all partitions began anew: rows from before it may be under any partition. */
  readonly position: number
  /** By topic: of the records before that offset, the profiles have those whose key belonged here under the old number. */
  readonly takenBefore: Readonly<Record<string, number>>
}

/** Customers are about to move. */
interface Move {
  readonly to: number
  /** By topic: from that offset on, only records whose key belongs here under the old number are taken. */
  readonly ownFrom: Readonly<Record<string, number>>
  /** `Moved.position`, set once everything is taken that should be; nothing is taken after that. */
  readonly position?: number
}

export const checkpointFormat = 4
/** The oldest format that can still be read. */
const oldestFormat = 3

const numbers = ['clockMs', 'journalOffset', 'partitions'] as const

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  return Buffer.from(JSON.stringify({ format: checkpointFormat, ...checkpoint }))
}

/** @throws StateError when the bytes are not a checkpoint in a format that can be read. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint {
  const { format, ...checkpoint } = parse(bytes)
  checkFormat("the partition's checkpoint", Number(format), oldestFormat, checkpointFormat)
  const isWhole =
    numbers.every((name) => Number.isInteger(checkpoint[name])) &&
    typeof checkpoint['digest'] === 'string' &&
    isObject(checkpoint['offsets']) &&
    Object.values(checkpoint['offsets']).every((offset) => Number.isInteger(offset))
  if (!isWhole) throw new StateError("the partition's checkpoint is not whole")
  return checkpoint as unknown as Checkpoint
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(bytes))
    if (isObject(value)) return value
  } catch {
    // Not JSON: treated like any other text that is not a checkpoint.
  }
  throw new StateError("the partition's checkpoint can not be read")
}
