import type { OutRecord, RecordBatch } from '../../events/log.ts'
import type { Log } from '../../log/log.ts'
import { type DeadLetter, readDeadLetter, redriveRecord } from './dead-letter.ts'
import { advance, isDone, offsetOf, type Progress, readProgress } from './progress.ts'

export interface RedriveOptions {
  readonly topic: string
  /** The service's group; redriving has the group `<group>.redrive` and transactional ids below that. */
  readonly group: string
  /** The only topics that a dead letter may go back to. */
  readonly inputs: readonly string[]
  /**
   * The input topics in which a record's timestamp is the time of its event, so it is kept. Records of the others get a new
   * timestamp: one older than the topic's retention might be deleted before it is read.
   */
  readonly timed: readonly string[]
  readonly reason: string | undefined
  readonly limit: number
  readonly dryRun: boolean
}

/** Why a dead letter stays where it is, for good. */
export type Refusal = 'cut' | 'loop' | 'foreign'

export interface Redriven {
  readonly redriven: number
  readonly refused: Readonly<Record<Refusal, number>>
}

/** A record that has come back this often will come back again. */
const maxRedrives = 3
/** The most records in a transaction; it stays well below the time that it may take. */
const sliceRecords = 500
const sliceBytes = 4 * 1024 * 1024

/**
 * Publishes the original records to the partitions they came from, each once: one transaction holds the records and how far
 * redriving has got. So records that were redriven before are skipped, and a run that broke off can continue.
 */
export async function redrive(log: Log, options: RedriveOptions): Promise<Redriven> {
  const refused = { cut: 0, loop: 0, foreign: 0 }
  let redriven = 0
  const partitions = await log.partitionCount(options.topic)
  for (let partition = 0; partition < partitions && redriven < options.limit; partition++) {
    redriven += await redrivePartition(log, options, partition, options.limit - redriven, refused)
  }
  return { redriven, refused }
}

async function redrivePartition(
  log: Log,
  options: RedriveOptions,
  partition: number,
  limit: number,
  refused: Record<Refusal, number>,
): Promise<number> {
  const { topic, group, reason, dryRun } = options
  const groupId = `${group}.redrive`
  const writer = dryRun ? undefined : await log.openWriter(`${groupId}.${partition}`)
  try {
    const { low, high } = await log.offsets(topic, partition)
    const [committed] = await log.committedOffsets(groupId, [topic], partition)
    const before = readProgress(committed!, low, high)
    const slice = new PendingSlice()
    let redriven = 0
    const commit = async (nextOffset: number) => {
      const { all, byReason } = advance(before, reason, nextOffset)
      const metadata = Object.keys(byReason).length === 0 ? '' : JSON.stringify(byReason)
      const records = slice.take()
      await writer?.commit({ records, groupId, topic, partition, nextOffset: all, metadata })
    }
    for await (const batch of log.read(topic, partition, startOf(before, reason), high)) {
      for (let i = 0; i < batch.count; i++) {
        const letter = readDeadLetter(batch, i)
        if (!isWanted(letter, reason, before)) continue
        const record = recordOf(batch, i, letter, options)
        if (typeof record === 'string') {
          refused[record]++
          continue
        }
        slice.add(record)
        redriven++
        if (redriven === limit || slice.isFull) await commit(letter.offset + 1)
        if (redriven === limit) return redriven
      }
      // The batch's bytes are only valid until this commit.
      await commit(batch.nextOffset)
    }
    return redriven
  } finally {
    await writer?.close()
  }
}

function startOf({ all, byReason }: Progress, reason: string | undefined): number {
  return reason === undefined ? all : Math.max(all, offsetOf(byReason, reason))
}

function isWanted(letter: DeadLetter, reason: string | undefined, before: Progress): boolean {
  return (reason === undefined || letter.reason === reason) && !isDone(before, letter.reason, letter.offset)
}

function recordOf(
  batch: RecordBatch,
  i: number,
  letter: DeadLetter,
  { inputs, timed }: RedriveOptions,
): OutRecord | Refusal {
  if (letter.from === undefined || !inputs.includes(letter.from.topic)) return 'foreign'
  if (letter.cut) return 'cut'
  if (letter.redriven >= maxRedrives) return 'loop'
  return redriveRecord(batch, i, letter.from, timed.includes(letter.from.topic) ? letter.timestampMs : undefined)
}

class PendingSlice {
  #records: OutRecord[] = []
  #bytes = 0

  get isFull(): boolean {
    return this.#records.length >= sliceRecords || this.#bytes >= sliceBytes
  }

  add(record: OutRecord): void {
    this.#records.push(record)
    this.#bytes += record.value?.length ?? 0
  }

  take(): OutRecord[] {
    const records = this.#records
    this.#records = []
    this.#bytes = 0
    return records
  }
}
