import { maxChunkRows, maxRowBytes } from './row.ts'

/** `bytes` has no line end; null where the line is longer than `maxRowBytes`. */
export interface Line {
  readonly line: number
  readonly bytes: Buffer | null
}

const newline = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Splits a stream of bytes into its lines (LF or CRLF, the last one with or without an end), leaving out blank
 * ones and a byte order mark. Holds one line and one chunk at most.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  let lines: Line[] = []
  let line = 0
  let held: Buffer[] = []
  let heldBytes = 0

  function take(end: Buffer): void {
    line++
    const tooLong = heldBytes + end.length > maxRowBytes
    let bytes = held.length === 0 || tooLong ? end : Buffer.concat([...held, end])
    held = []
    heldBytes = 0
    if (tooLong) {
      lines.push({ line, bytes: null })
      return
    }
    if (line === 1 && bytes.subarray(0, 3).equals(byteOrderMark)) bytes = bytes.subarray(3)
    if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1)
    if (!isBlank(bytes)) lines.push({ line, bytes })
  }

  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      take(chunk.subarray(start, end))
      start = end + 1
      if (lines.length === maxChunkRows) {
        yield lines
        lines = []
      }
    }
    if (start < chunk.length) {
      // What is already too long is counted and no longer kept.
      if (heldBytes <= maxRowBytes) held.push(chunk.subarray(start))
      heldBytes += chunk.length - start
    }
    if (lines.length > 0) {
      yield lines
      lines = []
    }
  }
  if (heldBytes > 0) take(Buffer.alloc(0))
  if (lines.length > 0) yield lines
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09) return false
  return true
}
