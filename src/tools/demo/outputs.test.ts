import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OutRecord, RecordBatch } from '../../events/log.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { Outputs, sum } from './outputs.ts'
import { SendTimes } from './send-times.ts'

const topics = { actions: 'actions', dead_letters: 'dead' }
const action = (name: string, customer: string, offset: number): OutRecord => ({
  topic: 'actions',
  partition: 0,
  key: customer,
  value: Buffer.from(JSON.stringify({ action: name, customer, topic: 'events', partition: 1, offset })),
  headers: {},
})
const deadLetter = (reason: string): OutRecord => ({
  topic: 'dead',
  partition: 0,
  key: null,
  value: null,
  headers: { 'beckon.errors.reason': reason },
})

async function batchOf(topic: string, records: readonly OutRecord[]): Promise<RecordBatch> {
  const log = new MemoryLog()
  await log.createTopics([{ topic, partitions: 1 }])
  await log.append(records)
  for await (const batch of log.read(topic, 0, 0, records.length)) return batch
  return assert.fail('no batch')
}

describe('what the service published', () => {
  it('is counted by action and by reason', async () => {
    const outputs = new Outputs(topics, new SendTimes(2))
    outputs.onBatch(await batchOf('actions', [action('a', 'c1', 0), action('b', 'c2', 1), action('a', 'c3', 2)]), 5)
    outputs.onBatch(await batchOf('dead', [deadLetter('json'), deadLetter('future'), deadLetter('json')]), 6)
    assert.deepEqual(Object.fromEntries(outputs.actions), { a: 2, b: 1 })
    assert.deepEqual(Object.fromEntries(outputs.deadLetters), { json: 2, future: 1 })
    assert.equal(sum(outputs.actions), 3)
    assert.deepEqual(outputs.first, { action: 'a', customer: 'c1', atMs: 5 })
    assert.equal(outputs.lastCustomer, 'c3')
  })

  it('is counted once where it comes again after a rebalance', async () => {
    const outputs = new Outputs(topics, new SendTimes(2))
    const batch = await batchOf('actions', [action('a', 'c1', 0), action('b', 'c2', 1)])
    outputs.onBatch(batch, 0)
    outputs.onBatch(batch, 0)
    assert.equal(sum(outputs.actions), 2)
  })

  it('has the time from the hand-over of the record that caused it, where that is known', async () => {
    const sendTimes = new SendTimes(2)
    for (const ms of [100, 200]) sendTimes.note(1, ms)
    const outputs = new Outputs(topics, sendTimes)
    outputs.onBatch(await batchOf('actions', [action('a', 'c', 0), action('a', 'c', 1), action('a', 'c', 2)]), 250)
    assert.deepEqual(outputs.eventToAction(), { p50: 50, p99: 150 })
  })
})
