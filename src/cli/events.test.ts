import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSeen } from './events.ts'

const place = { topic: 'clicks', partition: 2, offset: 17, timestamp: 0 }

test('a record is a line with its place and what it is, and a line for each field below it', () => {
  const event = { customer: 'ann', value: 9.5, properties: { price: 9.5, tags: ['a', 'b'] } }
  const seen = { ...place, is: 'event', type: 'Product Viewed', time: '2026-03-01T10:00:00.000Z', event } as const
  assert.equal(
    formatSeen({ ...seen, enrichment: { device: 'desktop', bot: false } }),
    [
      'clicks-2@17  event  2026-03-01T10:00:00.000Z  Product Viewed',
      '  customer    ann',
      '  value       9.5',
      '  properties  price: 9.5, tags: ["a","b"]',
      '  device      desktop',
      '  bot         false',
    ].join('\n'),
  )
})

test('dead letters have their reason, and what is sent forges no terminal', () => {
  assert.equal(
    formatSeen({ ...place, is: 'dead_letter', reason: 'bad_time', detail: 'no time: time, from at' }),
    'clicks-2@17  dead letter  bad_time: no time: time, from at',
  )
  assert.equal(formatSeen({ ...place, is: 'skipped' }), 'clicks-2@17  skipped  no value')
  assert.equal(
    formatSeen({ ...place, is: 'erasure', event: { customer: '\u001b[31mred' } }),
    'clicks-2@17  erasure\n  customer  \\u{1b}[31mred',
  )
})
