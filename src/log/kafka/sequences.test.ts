import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sequences } from './sequences.ts'

test('records are numbered per partition, and the numbers wrap around at the end of an int32', () => {
  const sequences = new Sequences()
  const [a, b] = [0, 1].map((partition) => ({ topic: 't', partition }))
  assert.deepEqual([sequences.reserve(a!, 3), sequences.reserve(b!, 1), sequences.reserve(a!, 2 ** 31 - 4)], [0, 0, 3])
  assert.deepEqual([sequences.reserve(a!, 5), sequences.reserve(a!, 1)], [2 ** 31 - 1, 4])
})
