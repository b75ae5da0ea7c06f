import { type InfoRecord, type Parser, parse } from 'csv-parse'
import { Properties } from '../events/event.ts'
import { maxChunkRows, maxRowBytes, type Row, SourceError } from './row.ts'

/**
 * Rows of comma-separated values with a header row: quoted fields (RFC 4180), LF or CRLF, with or without a byte
 * order mark. Values stay strings: which of them are numbers or times is for the mapping to say. All rows share
 * the header's `names`. A row with more or fewer fields than the header is bad; a quote that never closes makes
 * all that follows unreadable, so it ends the file with a `SourceError`.
 */
export async function* readCsv(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Row[]> {
  let header: readonly string[] | undefined
  let rows: Row[] = []
  function take(record: string[], { lines: line }: InfoRecord): null {
    if (header === undefined) {
      header = record
    } else if (record.length === header.length) {
      rows.push({ kind: 'fields', line, fields: new Properties(header, record) })
    } else {
      rows.push({ kind: 'bad', line, detail: `the row has ${record.length} fields, the header ${header.length}` })
    }
    return null
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
