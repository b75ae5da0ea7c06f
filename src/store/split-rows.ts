import type { RowChunk } from './row-binary.ts'

/** Splits a batch in two at the end of a row, to close in on a bad row; undefined for a single row. */
export function splitRows(chunks: readonly RowChunk[]): readonly [RowChunk[], RowChunk[]] | undefined {
  if (chunks.length > 1) {
    const middle = chunks.length >> 1
    return [chunks.slice(0, middle), chunks.slice(middle)]
  }
  const chunk = chunks[0]
  if (chunk === undefined || chunk.rowEnds.length < 2) return undefined
  const middle = chunk.rowEnds.length >> 1
  const cut = chunk.rowEnds[middle - 1]!
  return [
    [{ bytes: chunk.bytes.subarray(0, cut), rowEnds: chunk.rowEnds.subarray(0, middle) }],
    [{ bytes: chunk.bytes.subarray(cut), rowEnds: chunk.rowEnds.subarray(middle).map((end) => end - cut) }],
  ]
}
