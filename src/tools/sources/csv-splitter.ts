import { maxRowBytes, SourceError } from './row.ts'

/** Called for each row with its fields (null if it is longer than `maxRowBytes`) and the number of its last line. */
export type TakeRow = (fields: string[] | null, line: number) => void

/** Where in a field we are: before its first character, in plain text, in quotes, after what may be the closing quote. */
type State = 'start' | 'plain' | 'quoted' | 'closing'

const quote = 0x22
const lineFeed = 0x0a
const carriageReturn = 0x0d
const delimiters = [',', ';', '\t', '|']

/**
 * Splits text, given piece by piece, into rows of fields. A row ends with CRLF, LF or CR, in any mixture. A field that begins
 * with a quote ends with the next single quote, and may hold line ends. Other quotes are text, and so is whatever follows a
 * closing quote within a field. Blank lines are not rows. Holds one row at most.
 */
export class CsvSplitter {
  readonly #delimiter: number
  readonly #take: TakeRow
  #fields: string[] = []
  /** The part of the field from earlier pieces. */
  #held = ''
  #state: State = 'start'
  #hasDoubled = false
  #line = 1
  /** The line in which the field's quote opened. */
  #openedLine = 1
  #afterReturn = false
  /** Characters of the row and of the quoted field, in finished pieces. */
  #rowSize = 0
  #quotedSize = 0

  constructor(delimiter: string, take: TakeRow) {
    this.#delimiter = delimiter.charCodeAt(0)
    this.#take = take
  }

  /** @throws SourceError if a quoted field is longer than a row may be: no one can tell where the next one begins */
  push(text: string): void {
    let from = 0
    let rowFrom = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const isEnd = code === lineFeed || code === carriageReturn
      const isSecondHalf = code === lineFeed && this.#afterReturn
      this.#afterReturn = code === carriageReturn
      if (this.#state === 'quoted') {
        if (code === quote) this.#state = 'closing'
        else if (isEnd && !isSecondHalf) this.#line++
      } else if (code === quote) {
        this.#quote()
      } else if (code === this.#delimiter) {
        this.#endField(text, from, at)
        from = at + 1
      } else if (isEnd) {
        if (!isSecondHalf) this.#endRow(text, from, at, rowFrom)
        from = at + 1
        rowFrom = from
      } else if (this.#state !== 'plain') this.#state = 'plain'
    }
    this.#hold(text, from, rowFrom)
  }

  /** The last row may have no line end. @throws SourceError if a quote is still open */
  end(): void {
    if (this.#state === 'quoted')
      throw new SourceError('broken', `a quote is never closed, from line ${this.#openedLine} on`)
    this.#endRow('', 0, 0, 0)
  }

  #quote(): void {
    if (this.#state === 'start') {
      this.#state = 'quoted'
      this.#openedLine = this.#line
      this.#quotedSize = 0
    } else if (this.#state === 'closing') {
      this.#state = 'quoted'
      this.#hasDoubled = true
    }
  }

  #endField(text: string, from: number, at: number): void {
    const field = this.#held + text.slice(from, at)
    const inner = this.#state === 'closing' ? field.slice(1, -1) : field
    this.#fields.push(this.#state === 'closing' && this.#hasDoubled ? inner.replaceAll('""', '"') : inner)
    this.#held = ''
    this.#state = 'start'
    this.#hasDoubled = false
  }

  #endRow(text: string, from: number, at: number, rowFrom: number): void {
    const isTooLong = this.#rowSize + at - rowFrom > maxRowBytes
    const isBlank = this.#fields.length === 0 && this.#state === 'start' && !isTooLong
    if (!isBlank) {
      this.#endField(text, from, at)
      this.#take(isTooLong ? null : this.#fields, this.#line)
    }
    this.#fields = []
    this.#rowSize = 0
    this.#line++
  }

  /** Keeps what the next piece continues; for a row that is too long, only its state. */
  #hold(text: string, from: number, rowFrom: number): void {
    this.#held += text.slice(from)
    this.#rowSize += text.length - rowFrom
    if (this.#state === 'quoted' || this.#state === 'closing') this.#quotedSize += text.length - from
    if (this.#quotedSize > maxRowBytes) {
      throw new SourceError('broken', `a row is too long, or its quotes never close, from line ${this.#openedLine} on`)
    }
    if (this.#rowSize <= maxRowBytes) return
    this.#held = ''
    this.#fields = []
  }
}

/**
 * What separates the columns: the one of comma, semicolon, tab and bar that is most frequent in the header row outside of
 * quotes; a comma if there is none. undefined if the row does not end within the text.
 */
export function delimiterOf(text: string, isAll: boolean): string | undefined {
  const counts = delimiters.map(() => 0)
  let isQuoted = false
  let isHeader = false
  let before = '\n'
  for (const char of text) {
    const isEnd = char === '\n' || char === '\r'
    const which = delimiters.indexOf(char)
    if (isQuoted) isQuoted = char !== '"'
    else if (char === '"') isQuoted = /[\r\n",;\t|]/.test(before)
    else if (isEnd && isHeader) return mostFrequent(counts)
    else if (which >= 0) counts[which]!++
    isHeader ||= !isEnd
    before = char
  }
  return isAll ? mostFrequent(counts) : undefined
}

function mostFrequent(counts: readonly number[]): string {
  return delimiters[counts.indexOf(Math.max(...counts))]!
}
