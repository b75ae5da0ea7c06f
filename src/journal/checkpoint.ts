import { isObject } from '../canonical.ts'
import { checkFormat, StateError } from '../store/state-error.ts'

/** What a checkpoint says; kept in the checkpoint row's state as JSON. The row's version is the position. */
export interface Checkpoint {
  /** All input before it is in the profiles; by topic, those too that are not consumed any more. */
  readonly offsets: Readonly<Record<string, number>>
  /** Those topics' ids, as far as they were known: another topic of the name has another. */
  readonly ids?: Readonly<Record<string, string>>
  /** The partition's clock: timers due by then have fired; ms. */
  readonly clockMs: number
  /** The digest of all actions before the position. */
  readonly digest: string
  /** From where on the journal holds all slices at and past the position. */
  readonly journalOffset: number
  /** The input topics' partitions; a change would part customers from their profiles. */
  readonly partitions: number
  /** What the last repartition left; not there where there never was one. */
  readonly moved?: Moved
  /** The repartition that is under way. */
  readonly move?: Move
}

/** `Checkpoint.ids` of the topics. @param topicId undefined while it is not known */
export function idsOf(
  topics: readonly string[],
  topicId: (topic: string) => string | undefined,
): Readonly<Record<string, string>> {
  const known = topics.map((topic) => [topic, topicId(topic)] as const)
  return Object.fromEntries(known.filter((one): one is [string, string] => one[1] !== undefined))
}

/** Customers have moved to where their keys lie among more partitions. */
export interface Moved {
  /** The number of partitions before. */
  readonly from: number
  /** That at which all partitions began anew: what came before it may lie under any partition. */
  readonly position: number
  /** By topic: of the records before that offset, the profiles have those whose key's home this partition was. */
  readonly takenBefore: Readonly<Record<string, number>>
}

/** Customers are about to move. */
export interface Move {
  readonly to: number
  /** By topic: from that offset on only records are taken whose key's home this partition is. */
  readonly ownFrom: Readonly<Record<string, number>>
  /** `Moved.position`, once all is taken that is to be: nothing more is. */
  readonly position?: number
}

export const checkpointFormat = 4
/** The first one that is still read. */
const oldestFormat = 3

const numbers = ['clockMs', 'journalOffset', 'partitions'] as const

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  return Buffer.from(JSON.stringify({ format: checkpointFormat, ...checkpoint }))
}

/** @throws StateError when the bytes are no checkpoint of a format that is read. */
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
    // Not JSON: as any other text that is no checkpoint.
  }
  throw new StateError("the partition's checkpoint can not be read")
}
