import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RowBuffer, type RowChunk } from './row-binary.ts'
import { splitRows } from './split-rows.ts'

function chunkOf(rows: readonly string[]): RowChunk {
  const buffer = new RowBuffer(16)
  for (const text of rows) {
    buffer.string(text)
    buffer.endRow()
  }
  return buffer.take()
}

/** Splits down to single rows. */
function singles(chunks: readonly RowChunk[]): RowChunk[] {
  const halves = splitRows(chunks)
  return halves === undefined ? [...chunks] : [...singles(halves[0]), ...singles(halves[1])]
}

test('splitting to the end gives every row once, alone and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 5 }),
      (batch) => {
        const found = singles(batch.map(chunkOf))
        assert.deepEqual(
          found.map(({ bytes, rowEnds }) => [bytes, [...rowEnds]]),
          batch.flat().map((text) => {
            const { bytes } = chunkOf([text])
            return [bytes, [bytes.length]]
          }),
        )
      },
    ),
  )
})
