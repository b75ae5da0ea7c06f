import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Line, readLines } from './lines.ts'
import { maxChunkRows, maxRowBytes } from './row.ts'

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function linesOf(text: string | Buffer, size = 7): Promise<Line[]> {
  const lines: Line[] = []
  for await (const chunk of readLines(inChunks(Buffer.from(text), size))) {
    assert.ok(chunk.length > 0 && chunk.length <= maxChunkRows)
    lines.push(...chunk)
  }
  return lines
}

describe('lines', () => {
  it('are the same however the bytes are cut', async () => {
    const text = fc.array(fc.constantFrom('a', 'bb', '\n', '\r\n', 'é', '\r')).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (whole, size) => {
        const expected = whole
          .split('\n')
          .map((line, i) => [i + 1, line.replace(/\r$/, '')] as const)
          .filter(([, line]) => line !== '')
        const lines = await linesOf(whole, size)
        assert.deepEqual(
          lines.map(({ line, bytes }) => [line, bytes?.toString()]),
          expected,
        )
      }),
    )
  })

  it('leave out a byte order mark and blank lines, which still count', async () => {
    const lines = await linesOf('\uFEFFa\n\n \t\r\nb')
    assert.deepEqual(
      lines.map(({ line, bytes }) => [line, bytes?.toString()]),
      [
        [1, 'a'],
        [4, 'b'],
      ],
    )
  })

  it('longer than the limit are named, and those around them are whole', async () => {
    const text = `before\n${'x'.repeat(3 * maxRowBytes)}\n${'y'.repeat(maxRowBytes)}\nafter`
    const lines = await linesOf(text, 1 << 16)
    assert.deepEqual(
      lines.map(({ line, bytes }) => [line, bytes?.length]),
      [
        [1, 6],
        [2, undefined],
        [3, maxRowBytes],
        [4, 5],
      ],
    )
  })
})
