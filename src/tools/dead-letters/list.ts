import type { Log } from '../../log/log.ts'
import { type DeadLetter, readDeadLetter } from './dead-letter.ts'

export interface ListOptions {
  readonly topic: string
  /** The newest of them. */
  readonly limit: number
  readonly reason: string | undefined
  readonly withValues: boolean
}

export interface Listed extends DeadLetter {
  /** Base64, as it may be any bytes; only on request, since it holds personal data. */
  readonly key?: string | null
  readonly value?: string | null
}

export interface Listing {
  /** Counts over the whole topic, whatever the limit. */
  readonly reasons: ReadonlyMap<string, number>
  /** Oldest first. */
  readonly newest: readonly Listed[]
}

/** Reads the whole topic, and holds at most twice the limit in memory. */
export async function listDeadLetters(log: Log, options: ListOptions): Promise<Listing> {
  const { topic, limit, reason, withValues } = options
  const reasons = new Map<string, number>()
  let newest: Listed[] = []
  const keepNewest = () => {
    newest = newest
      .sort((a, b) => a.timeMs - b.timeMs || a.partition - b.partition || a.offset - b.offset)
      .slice(-limit)
  }
  const partitions = await log.partitionCount(topic)
  for (let partition = 0; partition < partitions; partition++) {
    const { low, high } = await log.offsets(topic, partition)
    for await (const batch of log.read(topic, partition, low, high)) {
      for (let i = 0; i < batch.count; i++) {
        const letter = readDeadLetter(batch, i)
        if (reason !== undefined && letter.reason !== reason) continue
        reasons.set(letter.reason, (reasons.get(letter.reason) ?? 0) + 1)
        const base64 = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
        newest.push(withValues ? { ...letter, key: base64(batch.key(i)), value: base64(batch.value(i)) } : letter)
        if (newest.length >= 2 * limit) keepNewest()
      }
    }
  }
  keepNewest()
  return { reasons, newest }
}
