/** What a checkpoint says; kept in the checkpoint row's state as JSON. The row's version is the position: both together. */
export interface Checkpoint {
  /** All input before it is in the profiles. */
  readonly offset: number
  /** Slices of the partition in which timers fired, up to there. */
  readonly firings: number
  /** The partition's clock: timers due by then have fired; ms. */
  readonly clockMs: number
  /** The digest of all actions before the offset. */
  readonly digest: string
  /** From where on the journal holds all slices at and past the offset. */
  readonly journalOffset: number
  /** The input topic's partitions; a change would part customers from their profiles. */
  readonly partitions: number
}

const format = 2
const numbers = ['offset', 'firings', 'clockMs', 'journalOffset', 'partitions'] as const

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  return Buffer.from(JSON.stringify({ format, ...checkpoint }))
}

/** undefined for bytes that are not a checkpoint of this format. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint | undefined {
  try {
    const { format: found, ...checkpoint } = JSON.parse(String(bytes)) as Record<string, unknown>
    const whole =
      numbers.every((name) => Number.isInteger(checkpoint[name])) && typeof checkpoint['digest'] === 'string'
    return found === format && whole ? (checkpoint as unknown as Checkpoint) : undefined
  } catch {
    // Not JSON: the caller fails closed.
    return undefined
  }
}
