import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastNumber, nextAbove, nextBelow } from './least-number.ts'

test('the nearest whole numbers above and below for which it holds', () => {
  assert.deepEqual(
    leastNumber(2, true, (n) => n * 3 >= 100),
    [34],
  )
  assert.deepEqual(
    leastNumber(50, true, (n) => n < -4 || n > 51),
    [52, -5],
  )
  assert.deepEqual(
    leastNumber(0, true, () => false),
    [],
  )
})

test('of all numbers the shortest that still does, near the nearest', () => {
  const [above] = leastNumber(10, false, (n) => n / 3 >= 5)
  assert.equal(above, 15)
  const [, below] = leastNumber(10, false, (n) => n * 2 < 7 || n > 1_000)
  assert(below! < 3.5 && below! > 3.49)
})

test('the next numbers that a double can hold', () => {
  for (const value of [1, -1, 100, 0.1, -2.5, 1e15]) {
    assert(nextAbove(value) > value && nextBelow(value) < value)
    assert.equal(nextBelow(nextAbove(value)), value)
  }
  assert(nextAbove(0) > 0 && nextBelow(0) < 0)
})
