import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatListing, formatRedriven } from './dlq.ts'

const letter = {
  partition: 0,
  offset: 7,
  reason: 'truncated',
  detail: 'the value ends early',
  timestampMs: 1_767_225_600_000,
  from: { topic: 'clicks', partition: 3, offset: 99 },
  timeMs: 1_700_000_000_123,
  schemaId: 12,
  valueBytes: 300_000,
  cut: true,
  redriven: 1,
}

describe('dead letters for people', () => {
  it('are counted by reason, then listed', () => {
    const reasons = new Map([
      ['json', 1],
      ['truncated', 20],
    ])
    assert.equal(
      formatListing('dead', { reasons, newest: [letter] }),
      [
        'truncated  20',
        'json       1',
        '',
        'time                      reason     from         bytes         schema  redriven  detail',
        '2023-11-14T22:13:20.123Z  truncated  clicks-3@99  300000 (cut)  12      1         the value ends early',
      ].join('\n'),
    )
    assert.equal(formatListing('dead', { reasons: new Map(), newest: [] }), 'no dead letters in dead')
  })

  it('escape what anybody may have written into a header', () => {
    const forged = { ...letter, detail: '\u001b[31mred', from: undefined, timeMs: 0, schemaId: undefined }
    assert.match(formatListing('dead', { reasons: new Map([['', 1]]), newest: [forged] }), /\\u\{1b\}\[31mred$/)
  })

  it('that stay are told with what to do', () => {
    assert.equal(
      formatRedriven({ redriven: 3, refused: { cut: 1, loop: 0, foreign: 0 } }, false),
      '3 redriven\n1 stay: they are cut, since they were too large, or too many at once: the producer has to send them again',
    )
    assert.equal(formatRedriven({ redriven: 3, refused: { cut: 0, loop: 0, foreign: 0 } }, true), '3 would be redriven')
  })
})
