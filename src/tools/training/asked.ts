import { parseIsoTime } from '../../ingest/iso-time.ts'
import { openSource } from '../sources/open.ts'

/** Whose features to compute, and as of when: a row of the training set. */
interface Asked {
  readonly customer: string
  readonly timeMs: number
  /** The fields of the other columns, in their order. */
  readonly carried: readonly string[]
}

/** The rows of a CSV file. */
export interface AskedRows {
  /** Its other columns. */
  readonly carried: readonly string[]
  /** To be iterated once. Throws AskedFault, SourceError. */
  readonly batches: AsyncIterable<readonly Asked[]>
}

/** A file that does not say which rows are wanted. */
export class AskedFault extends Error {}

/** The table can hold times up to here; ms. */
const endMs = Date.UTC(2299, 0, 1)

/** ISO 8601, or ms since 1970 in 11 to 13 digits, which means 1973 or later: fewer digits would be seconds. Else NaN. */
export function parseMoment(text: string): number {
  const timeMs = /^\d{11,13}$/.test(text) ? Number(text) : parseIsoTime(text)
  return timeMs >= 0 && timeMs < endMs ? timeMs : Number.NaN
}

/**
 * Opens a CSV file with a column `customer` and, unless one moment is given for all rows, a column `time`. Gzip is read too,
 * and `-` is stdin.
 * @throws AskedFault, SourceError
 */
export async function openAsked(path: string, momentMs: number | undefined): Promise<AskedRows> {
  const { rows } = await openSource(path, { format: 'csv' })
  const chunks = rows[Symbol.asyncIterator]()
  let next = await chunks.next()
  while (!next.done && next.value.length === 0) next = await chunks.next()
  const first = next.done ? undefined : next.value.find((row) => row.kind === 'fields')
  if (first === undefined) throw new AskedFault(`${path}: no row under a header`)
  const { names } = first.fields
  const own = momentMs === undefined ? ['customer', 'time'] : ['customer']
  const missing = own.find((name) => !names.includes(name))
  if (missing !== undefined) throw new AskedFault(`${path}: the header has no column ${missing}`)
  if (momentMs !== undefined && names.includes('time')) {
    throw new AskedFault(`${path}: a column time, where one moment is given for all rows`)
  }
  const carried = names.filter((name) => !own.includes(name))

  async function* batches(): AsyncGenerator<readonly Asked[]> {
    for (; !next.done; next = await chunks.next()) {
      yield next.value.map((row) => {
        const fault = (detail: string) => new AskedFault(`${path}, line ${row.line}: ${detail}`)
        if (row.kind !== 'fields') throw fault(row.kind === 'bad' ? row.detail : 'no row of a CSV file')
        const field = (name: string) => row.fields.get(name) as string
        const customer = field('customer')
        if (customer === '') throw fault('no customer')
        const timeMs = momentMs ?? parseMoment(field('time').trim())
        if (Number.isNaN(timeMs)) throw fault('time is neither ISO 8601 (2026-01-31T12:00:00Z) nor ms since 1970')
        return { customer, timeMs, carried: carried.map(field) }
      })
    }
  }
  return { carried, batches: batches() }
}
