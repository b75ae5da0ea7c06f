import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProgress } from './backfill.ts'

test('each partition has a bar, and all together; one without customers is done', () => {
  const text = formatProgress([
    { partition: 0, customers: 2_000, pending: 500 },
    { partition: 1, customers: 0, pending: 0 },
  ])
  const [half, full] = [`${'█'.repeat(18)}${'░'.repeat(6)}`, '█'.repeat(24)]
  assert.deepEqual(text.split('\n'), [
    `partition 0  ${half}  75 %  1,500 of 2,000 customers ready`,
    `partition 1  ${full} 100 %  0 of 0 customers ready`,
    `all          ${half}  75 %  1,500 of 2,000 customers ready`,
  ])
})

test('it is not done before the last customer is ready', () => {
  assert.match(formatProgress([{ partition: 0, customers: 1_000_000, pending: 1 }]), / 99 %/)
})
