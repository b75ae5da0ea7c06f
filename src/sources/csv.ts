import { type InfoRecord, type Parser, parse } from 'csv-parse'
import { Properties, type Value } from '../events/event.ts'
import { maxChunkRows, maxRowBytes, type Row, SourceError } from './row.ts'

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,2})?$/i

/**
 * Rows of comma-separated values with a header row: quoted fields (RFC 4180), LF or CRLF, with or without a byte
 * order mark. Values are strings, but for the columns that `numbers` names: there an empty field is null. All rows
 * share the header's `names`. A row with more or fewer fields than the header is bad, and so is one with a text in a
 * column of numbers; a quote that never closes makes all that follows unreadable, so it ends the file with a
 * `SourceError`, as does a header that lacks one of `numbers`.
 */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  numbers: readonly string[] = [],
): AsyncGenerator<readonly Row[]> {
  let header: readonly string[] | undefined
  let numberColumns: readonly number[] = []
  let rows: Row[] = []
  function take(record: string[], { lines: line }: InfoRecord): null {
    if (header === undefined) {
      header = record
      numberColumns = numbers.map((name) => record.indexOf(name))
    } else if (record.length === header.length) {
      rows.push(rowOf(header, record, line))
    } else {
      rows.push({ kind: 'bad', line, detail: `the row has ${record.length} fields, the header ${header.length}` })
    }
    return null
  }

  function rowOf(names: readonly string[], values: Value[], line: number): Row {
    for (const column of numberColumns) {
      const text = String(values[column]).trim()
      const number = text === '' ? null : decimal.test(text) ? Number(text) : Number.NaN
      if (number !== null && !Number.isFinite(number)) {
        return { kind: 'bad', line, detail: `no number in ${names[column]}` }
      }
      values[column] = number
    }
    return { kind: 'fields', line, fields: new Properties(names, values) }
  }

  // `take` runs within each write and keeps nothing in the parser, so a row costs no promise, and those before
  // a fault are not lost.
  const parser = parse({
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: maxRowBytes,
    on_record: take,
  })
  // A stream without a listener for its errors ends the process; `write` and `end` tell of them.
  parser.on('error', () => undefined)

  async function* taken(fault: Error | null | undefined): AsyncGenerator<readonly Row[]> {
    const missing = numbers[numberColumns.indexOf(-1)]
    if (missing !== undefined) throw new SourceError('broken', `the header has no column ${missing}`)
    const all = rows
    rows = []
    for (let at = 0; at < all.length; at += maxChunkRows) yield all.slice(at, at + maxChunkRows)
    if (fault == null) return
    const unclosed = 'code' in fault && fault.code === 'CSV_QUOTE_NOT_CLOSED'
    const what = unclosed ? 'a quote is never closed' : 'a row is too long, or its quotes never close'
    throw new SourceError('broken', `${what}, at or before line ${parser.info.lines}`, { cause: fault })
  }

  for await (const chunk of chunks) yield* taken(await write(parser, chunk))
  yield* taken(await end(parser))
}

/** Resolves when the parser has gone through the chunk, with the fault if there is one. */
function write(parser: Parser, chunk: Buffer): Promise<Error | null | undefined> {
  return new Promise((resolve) => {
    parser.write(chunk, resolve)
  })
}

function end(parser: Parser): Promise<Error | undefined> {
  return new Promise((resolve) => {
    parser.once('error', resolve)
    parser.once('finish', () => resolve(undefined))
    parser.end()
  })
}
