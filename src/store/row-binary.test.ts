import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeSegment, RowBuffer } from './row-binary.ts'

/** The bytes that the calls write, as hex. */
function written(write: (row: RowBuffer) => void, initialBytes = 1): string {
  const row = new RowBuffer(initialBytes)
  write(row)
  return row.take().bytes.toString('hex')
}

const cases: readonly [what: string, write: (row: RowBuffer) => void, hex: string][] = [
  ['a byte', (row) => row.u8(255), 'ff'],
  ['a bool', (row) => row.bool(true), '01'],
  ['a UInt16', (row) => row.u16(0x1234), '3412'],
  ['a UInt32', (row) => row.u32(0xffff_fffe), 'feffffff'],
  ['a UInt64', (row) => row.u64(Number.MAX_SAFE_INTEGER), 'ffffffffffff1f00'],
  ['a Float64', (row) => row.f64(-0.5), '000000000000e0bf'],
  ['NaN as NULL', (row) => row.nullableF64(Number.NaN), '01'],
  ['0 as a value', (row) => row.nullableF64(0), '000000000000000000'],
  ['a time after 1970', (row) => row.dateTime64(1_700_000_000_123), '7b68e5cf8b010000'],
  ['a time before 1970', (row) => row.dateTime64(-1), 'ffffffffffffffff'],
  ['a long varint', (row) => row.varint(0xffff_ffff), 'ffffffff0f'],
  ['an empty string', (row) => row.string(''), '00'],
  ['a lone surrogate as U+FFFD', (row) => row.string('a\ud800'), '0461efbfbd'],
  ['a blob', (row) => row.blob(Buffer.from([0, 255])), '0200ff'],
  ['an array of strings', (row) => row.strings(['', 'x']), '02000178'],
]

for (const [what, write, hex] of cases) {
  test(`it writes ${what}`, () => {
    assert.equal(written(write), hex)
  })
}

test('a string of any length and script is its UTF-8 with its length in front', () => {
  const lengths = fc.oneof(
    fc.constantFrom(0, 1, 23, 24, 25, 42, 43, 126, 127, 128, 5461, 5462, 16383, 16384),
    fc.nat(300),
  )
  const texts = fc.tuple(lengths, fc.constantFrom('a', 'é', '水', '😀', '\udc00', '\0')).map(([n, c]) => c.repeat(n))
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ unit: 'binary' })), (text) => {
      const row = new RowBuffer(1)
      row.u8(7)
      row.string(text)
      row.u8(9)
      const { bytes } = row.take()
      const utf8 = Buffer.from(text)
      let length = 0
      let at = 1
      for (let shift = 0; ; shift += 7) {
        length |= (bytes[at]! & 0x7f) << shift
        if (bytes[at++]! < 0x80) break
      }
      assert.equal(length, utf8.length)
      assert.deepEqual(bytes.subarray(at, -1), utf8)
      assert.equal(bytes.at(-1), 9)
    }),
  )
})

test('a segment of any length writes the same bytes as the calls it was encoded from, and no more', () => {
  for (let length = 0; length < 20; length++) {
    const write = (row: RowBuffer) => {
      for (let i = 0; i < length; i++) row.u8(250 + i)
    }
    const segment = encodeSegment(write)
    const twice = written((row) => {
      row.segment(segment)
      row.segment(segment)
      row.u8(1)
    })
    assert.equal(twice, `${written(write).repeat(2)}01`)
  }
})

test('a map’s count is put in its place, even if the buffer has moved in the meantime', () => {
  const map = written((row) => {
    row.u8(9)
    const at = row.openMap()
    row.string('name')
    row.string('x'.repeat(300))
    row.closeMap(at, 1)
  })
  assert.equal(map.slice(0, 14), '0901046e616d65')
})

test('rows that were taken are not overwritten, and the buffer starts anew', () => {
  const row = new RowBuffer(1)
  const ends: number[] = []
  for (let i = 0; i < 1000; i++) {
    row.string('x'.repeat(i % 7))
    row.endRow()
    ends.push(row.length)
  }
  const chunk = row.take()
  assert.deepEqual([...chunk.rowEnds], ends)
  assert.deepEqual([row.length, row.rows], [0, 0])
  const before = Buffer.from(chunk.bytes)
  row.string('overwritten')
  assert.deepEqual(chunk.bytes, before)
})
