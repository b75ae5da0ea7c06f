import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeTransactions } from './describe-transactions.ts'

// kafkajs does not have this request: the bytes follow the protocol's definition.

test('DescribeTransactions 0 asks about one id', () => {
  assert.equal(
    describeTransactions.encode('g.clock').toString('hex'),
    ['00', '02', '08', '672e636c6f636b', '00'].join(''),
  )
})

const answer = (errorCode: string, startMs: string) =>
  Buffer.from(
    [
      '00', // the header's tags
      '00000007', // throttle
      '02', // one transaction
      errorCode,
      '08672e636c6f636b', // g.clock
      '084f6e676f696e67', // Ongoing
      '00002710', // time-out
      startMs,
      '0000010000000001', // producer id
      '0003', // epoch
      '02', // one topic
      '036162', // ab
      '03',
      '00000004',
      '00000005',
      '00', // the topic's tags
      '00', // the transaction's
      '00', // the answer's
    ].join(''),
    'hex',
  )

test('its answer tells when the transaction began', () => {
  const bytes = answer('0000', '0000019b76da3400')
  assert.deepEqual(describeTransactions.decode(bytes), { throttleMs: 7, errorCode: 0, startMs: 0x019b76da3400 })
  assert.throws(() => describeTransactions.decode(bytes.subarray(0, -1)), RangeError)
})

test('its answer tells that there is none, or an error', () => {
  assert.equal(describeTransactions.decode(answer('0000', 'ffffffffffffffff')).startMs, -1)
  assert.equal(describeTransactions.decode(answer('0069', 'ffffffffffffffff')).errorCode, 105)
})
