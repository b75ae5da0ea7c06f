/** What a checkpoint says; kept in the checkpoint row's state as JSON. The row's version is the position. */
export interface Checkpoint {
  /** All input before it is in the profiles; by topic, those too that are not consumed any more. */
  readonly offsets: Readonly<Record<string, number>>
  /** The partition's clock: timers due by then have fired; ms. */
  readonly clockMs: number
  /** The digest of all actions before the position. */
  readonly digest: string
  /** From where on the journal holds all slices at and past the position. */
  readonly journalOffset: number
  /** The input topics' partitions; a change would part customers from their profiles. */
  readonly partitions: number
}

const format = 3
const numbers = ['clockMs', 'journalOffset', 'partitions'] as const

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  return Buffer.from(JSON.stringify({ format, ...checkpoint }))
}

/** undefined for bytes that are not a checkpoint of this format. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint | undefined {
  try {
    const { format: found, ...checkpoint } = JSON.parse(String(bytes)) as Record<string, unknown>
    const whole =
      numbers.every((name) => Number.isInteger(checkpoint[name])) &&
      typeof checkpoint['digest'] === 'string' &&
      Object.values(checkpoint['offsets'] as object).every((offset) => Number.isInteger(offset))
    return found === format && whole ? (checkpoint as unknown as Checkpoint) : undefined
  } catch {
    // Not JSON: the caller fails closed.
    return undefined
  }
}
