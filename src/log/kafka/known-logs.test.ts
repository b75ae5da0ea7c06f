import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownLogs } from './known-logs.ts'

test('a topic keeps its first id, until it is forgotten', () => {
  const logs = new KnownLogs()
  logs.add([{ topic: 't', id: 'a', partitions: 1 }])
  logs.add([{ topic: 't', id: 'b', partitions: 1 }])
  assert.deepEqual([logs.idOf('t'), logs.topicOf('a')], ['a', 't'])
  logs.forget('t')
  assert.ok(!logs.has('t'))
  assert.throws(() => logs.idOf('t'), { code: 'unknown_topic' })
  logs.add([{ topic: 't', id: 'b', partitions: 1 }])
  assert.equal(logs.idOf('t'), 'b')
})

test('the epoch before an offset is known where the last fetch began and where it ended, and nowhere else', () => {
  const logs = new KnownLogs()
  logs.fetched('t/0', 10, 20, 3)
  assert.deepEqual(
    [10, 15, 20].map((offset) => logs.epochBefore('t/0', offset)),
    [-1, -1, 3],
  )
  logs.fetched('t/0', 20, 30, 4)
  assert.deepEqual(
    [10, 20, 30].map((offset) => logs.epochBefore('t/0', offset)),
    [-1, 3, 4],
  )
  assert.equal(logs.epochBefore('t/1', 30), -1)
})
