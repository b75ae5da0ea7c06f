import { readLines } from './lines.ts'
import type { Row } from './row.ts'

/** Rows of newline-delimited JSON. Whether a line is JSON at all is for the decoder to say. */
export async function* readNdjson(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Row[]> {
  for await (const lines of readLines(chunks)) {
    yield lines.map(
      ({ line, bytes }): Row =>
        bytes === null ? { kind: 'bad', line, detail: 'the line is too long' } : { kind: 'json', line, bytes },
    )
  }
}
