import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { containsText } from './contains-text.ts'

const longText = fc.stringMatching(/^[ab]{0,12}$/).map((piece) => piece.repeat(12))

test('a text contains what the JavaScript engine says it contains', () => {
  fc.assert(
    fc.property(longText, longText, longText, (a, b, c) => {
      assert.equal(containsText(a + b + c, b), true)
      assert.equal(containsText(a, b), a.includes(b))
      assert.equal(containsText(a + c, b), (a + c).includes(b))
    }),
    { numRuns: 2000 },
  )
})

test('a part that nearly matches everywhere is found too', () => {
  const text = 'a'.repeat(80_000)
  assert.equal(containsText(text, `${'a'.repeat(20_000)}b${'a'.repeat(20_000)}`), false)
  assert.equal(containsText(`${text}b${text}`, `${'a'.repeat(20_000)}b${'a'.repeat(20_000)}`), true)
})
