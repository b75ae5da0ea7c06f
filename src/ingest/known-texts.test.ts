import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor, readText } from './avro-cursor.ts'
import { KnownTexts } from './known-texts.ts'
import { Rejected } from './rejected.ts'

/** The text as Avro, behind that many other bytes. */
function encoded(text: string, before: number): Buffer {
  const bytes = Buffer.from(text)
  const length = bytes.length * 2
  const header = length < 128 ? [length] : [(length & 127) | 128, length >> 7]
  return Buffer.concat([Buffer.alloc(before, 0x41), Buffer.from(header), bytes, Buffer.from('tail')])
}

function at(bytes: Buffer, start: number, end = bytes.length): Cursor {
  const cursor = new Cursor()
  cursor.open(bytes, start, end)
  return cursor
}

test('whatever was read before, a text reads the same as without the cache', () => {
  const alike = fc.tuple(fc.nat(600), fc.constantFrom('a', 'b', 'é', '\u001b')).map(([n, last]) => 'x'.repeat(n) + last)
  const texts = fc.array(fc.tuple(fc.oneof(alike, fc.string({ unit: 'binary' })), fc.nat(5)), { maxLength: 20 })
  const known = new KnownTexts()
  fc.assert(
    fc.property(texts, (drawn) => {
      for (const [text, before] of [...drawn, ...drawn]) {
        const bytes = encoded(text, before)
        const [cursor, plain] = [at(bytes, before), at(bytes, before)]
        assert.equal(known.read(cursor), readText(plain))
        assert.equal(cursor.at, plain.at)
      }
    }),
  )
})

test('a text that runs past the value is refused, even if it is known', () => {
  const known = new KnownTexts()
  const bytes = encoded('Mozilla/5.0 (X11; Linux x86_64)', 0)
  known.read(at(bytes, 0))
  assert.throws(
    () => known.read(at(bytes, 0, 20)),
    (fault) => fault instanceof Rejected && fault.reason === 'truncated',
  )
})
