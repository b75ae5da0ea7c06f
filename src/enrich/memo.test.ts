import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memo } from './memo.ts'

test('an answer is derived once, until newer ones displace it', () => {
  const derived: string[] = []
  const answer = memo(2, (key) => {
    derived.push(key)
    return { key }
  })
  const first = answer('a')
  assert.equal(answer('a'), first)
  answer('b')
  answer('a')
  answer('c')
  assert.equal(answer('a'), first, 'the key used last stays')
  assert.notEqual(answer('b'), undefined)
  assert.deepEqual(derived, ['a', 'b', 'c', 'b'])
})

test('a very long key is answered and not kept', () => {
  const answer = memo(10, (key) => ({ key }))
  const long = 'x'.repeat(1001)
  assert.deepEqual(answer(long), { key: long })
  assert.notEqual(answer(long), answer(long))
})
