/** What a checkpoint says beside its offset; kept in the checkpoint row's state as JSON. */
export interface Checkpoint {
  /** The digest of all actions before the offset. */
  readonly digest: string
  /** From where on the journal holds all slices at and past the offset. */
  readonly journalOffset: number
  /** The input topic's partitions; a change would part customers from their profiles. */
  readonly partitions: number
}

const format = 1

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  return Buffer.from(JSON.stringify({ format, ...checkpoint }))
}

/** undefined for bytes that are not a checkpoint of this format. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint | undefined {
  try {
    const { format: found, digest, journalOffset, partitions } = JSON.parse(String(bytes)) as Record<string, unknown>
    const whole = typeof digest === 'string' && Number.isInteger(journalOffset) && Number.isInteger(partitions)
    if (found !== format || !whole) return undefined
    return { digest, journalOffset: journalOffset as number, partitions: partitions as number }
  } catch {
    // Not JSON: the caller fails closed.
    return undefined
  }
}
