import assert from 'node:assert/strict'
import { test } from 'node:test'
import { positionOf, profileVersion } from './profile-version.ts'

for (const [epoch, position] of [
  [0, 0],
  [0, 1],
  [1, 0],
  [40, 2 ** 48 - 1],
  [65_535, 7],
] as const) {
  test(`epoch ${epoch} and position ${position}: the position can be read back`, () => {
    assert.equal(positionOf(profileVersion(epoch, position)), position)
  })
}

test('a new epoch outranks every offset of the old one', () => {
  assert.ok(profileVersion(1, 0) > profileVersion(0, 2 ** 48 - 1))
})
