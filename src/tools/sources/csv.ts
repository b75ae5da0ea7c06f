import { StringDecoder } from 'node:string_decoder'
import { Properties, type Value } from '../../events/event.ts'
import { CsvSplitter, delimiterOf } from './csv-splitter.ts'
import { maxChunkRows, maxRowBytes, type Row, SourceError } from './row.ts'

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,2})?$/i
const byteOrderMark = /^\uFEFF/
/** What bytes that are not UTF-8 are decoded to. */
const replacement = '\uFFFD'

/**
 * Rows below a header row, separated by comma, semicolon, tab or bar: quoted fields (RFC 4180), any line ends, with or
 * without a byte order mark. Values are strings, but for the columns that `numbers` names: there an empty field is null.
 * All rows share the header's `names`. A row with more or fewer fields than the header is bad, and so is one with a text in
 * a column of numbers, one above `maxRowBytes` and one that is not UTF-8. A quote that never closes makes all that follows
 * unreadable, so it ends the file with a `SourceError`, as does a header that lacks one of `numbers` or has a name twice.
 */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  numbers: readonly string[] = [],
): AsyncGenerator<readonly Row[]> {
  const decoder = new StringDecoder('utf8')
  const rows = new CsvRows(numbers)
  let head = ''
  let splitter: CsvSplitter | undefined

  function* push(text: string, isAll: boolean): Generator<readonly Row[]> {
    try {
      if (splitter === undefined) {
        head = (head + text).replace(byteOrderMark, '')
        const delimiter = delimiterOf(head, isAll)
        if (delimiter === undefined && head.length <= maxRowBytes) return
        if (delimiter === undefined)
          throw new SourceError('broken', 'the header is too long, or its quotes never close')
        splitter = new CsvSplitter(delimiter, (fields, line) => rows.add(fields, line))
        splitter.push(head)
      } else splitter.push(text)
      if (isAll) splitter.end()
    } finally {
      // Rows before a fault are not lost.
      yield* rows.take()
    }
  }

  for await (const chunk of chunks) yield* push(decoder.write(chunk), false)
  yield* push(decoder.end(), true)
}

/** Makes rows from lists of fields, the first of which is the header. */
class CsvRows {
  readonly #numbers: readonly string[]
  #header: readonly string[] | undefined
  #numberColumns: readonly number[] = []
  #rows: Row[] = []

  constructor(numbers: readonly string[]) {
    this.#numbers = numbers
  }

  add(fields: string[] | null, line: number): void {
    if (this.#header === undefined) this.#begin(fields)
    else this.#rows.push(this.#rowOf(this.#header, fields, line))
  }

  *take(): Generator<readonly Row[]> {
    const all = this.#rows
    this.#rows = []
    for (let at = 0; at < all.length; at += maxChunkRows) yield all.slice(at, at + maxChunkRows)
  }

  #begin(names: readonly string[] | null): void {
    if (names === null) throw new SourceError('broken', 'the header is too long')
    if (names.some((name) => name.includes(replacement)))
      throw new SourceError('broken', 'the header is not UTF-8 text')
    const seen = new Set<string>()
    const twice = names.find((name) => seen.size === seen.add(name).size)
    if (twice !== undefined)
      throw new SourceError('broken', `the header has two columns called ${JSON.stringify(twice)}`)
    this.#numberColumns = this.#numbers.map((name) => names.indexOf(name))
    const missing = this.#numbers[this.#numberColumns.indexOf(-1)]
    if (missing !== undefined) throw new SourceError('broken', `the header has no column ${missing}`)
    this.#header = names
  }

  #rowOf(names: readonly string[], values: Value[] | null, line: number): Row {
    if (values === null) return { kind: 'bad', line, detail: 'the row is too long' }
    if (values.length !== names.length) {
      return { kind: 'bad', line, detail: `the row has ${values.length} fields, the header ${names.length}` }
    }
    for (let i = 0; i < values.length; i++) {
      if ((values[i] as string).includes(replacement)) return { kind: 'bad', line, detail: 'the row is not UTF-8 text' }
    }
    for (const column of this.#numberColumns) {
      const text = String(values[column]).trim()
      const number = text === '' ? null : decimal.test(text) ? Number(text) : Number.NaN
      if (number !== null && !Number.isFinite(number)) {
        return { kind: 'bad', line, detail: `no number in ${names[column]}` }
      }
      values[column] = number
    }
    return { kind: 'fields', line, fields: new Properties(names, values) }
  }
}
