import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BloomFilter } from './bloom-filter.ts'
import { hashId } from './recent-ids.ts'

test('what was added is always found, and there are few false positives', () => {
  const filter = new BloomFilter()
  for (let i = 0; i < 50_000; i++) filter.add(hashId(`known-${i}`))
  for (let i = 0; i < 50_000; i++) assert(filter.mayHave(hashId(`known-${i}`)))
  let wrong = 0
  for (let i = 0; i < 50_000; i++) if (filter.mayHave(hashId(`other-${i}`))) wrong++
  assert(wrong < 50_000 * 0.05, `${wrong} of 50000`)
})
