import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { deadLetter, whole } from '../../emit/dead-letter.ts'
import type { OutRecord } from '../../events/log.ts'
import { type Reason, Rejected } from '../../ingest/rejected.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { listDeadLetters } from './list.ts'
import { type RedriveOptions, redrive } from './redrive.ts'

describe('redriving dead letters', () => {
  let log: MemoryLog
  const options: RedriveOptions = {
    topic: 'dead',
    group: 'g',
    inputs: ['clicks'],
    timed: [],
    reason: undefined,
    limit: Number.POSITIVE_INFINITY,
    dryRun: false,
  }
  const nothingRefused = { cut: 0, loop: 0, foreign: 0 }

  beforeEach(async () => {
    log = new MemoryLog()
    await log.createTopics([
      { topic: 'clicks', partitions: 4 },
      { topic: 'other', partitions: 1 },
      { topic: 'dead', partitions: 2 },
    ])
  })

  /** Publishes to an input, and makes a dead letter of every record that no one has looked at yet. */
  let looked = 0
  beforeEach(() => {
    looked = 0
  })
  async function rejectNew(reason: Reason, topic = 'clicks', partition = 2): Promise<void> {
    const { high } = await log.offsets(topic, partition)
    const letters: OutRecord[] = []
    for await (const batch of log.read(topic, partition, looked, high)) {
      for (let i = 0; i < batch.count; i++) letters.push(deadLetter('dead', batch, i, new Rejected(reason, 'why'), 5))
    }
    looked = high
    await log.append(letters)
  }
  const publish = (value: string, topic = 'clicks', partition = 2) =>
    log.append([{ topic, partition, key: 'ann', value: Buffer.from(value), headers: { trace: 't1' } }])

  async function contents(topic = 'clicks', partition = 2) {
    const { low, high } = await log.offsets(topic, partition)
    const all: { key: string; value: string; headers: string[][] }[] = []
    for await (const batch of log.read(topic, partition, low, high)) {
      for (let i = 0; i < batch.count; i++) {
        const headers = batch.headers(i).map(({ name, value }) => [name, String(value)])
        all.push({ key: String(batch.key(i)), value: String(batch.value(i)), headers })
      }
    }
    return all
  }

  it('keeps the timestamp where it is the time of the event, and there alone', async () => {
    const sent = { topic: 'clicks', partition: 2, key: 'ann', value: Buffer.from('a'), headers: {}, timestampMs: 77 }
    await log.append([sent])
    await rejectNew('json')
    await redrive(log, { ...options, timed: ['clicks'] })
    await rejectNew('json')
    await redrive(log, options)
    const times: number[] = []
    for await (const batch of log.read('clicks', 2, 0, 10)) {
      for (let i = 0; i < batch.count; i++) times.push(batch.timestamp(i))
    }
    assert.deepEqual(times.slice(0, 2), [77, 77])
    assert.ok(times[2]! > 77 && times.length === 3)
  })

  it('publishes the original to its partition, with its own headers and the trail', async () => {
    await publish('one')
    await rejectNew('json')
    assert.deepEqual(await redrive(log, options), { redriven: 1, refused: nothingRefused })
    const [original, again] = await contents()
    assert.equal(again!.value, original!.value)
    assert.equal(again!.key, 'ann')
    assert.deepEqual(
      again!.headers.filter(([name]) => name !== 'beckon.redriven'),
      [['trace', 't1']],
    )
    assert.match(again!.headers.find(([name]) => name === 'beckon.redriven')![1]!, /^dead-[01]-0$/)
  })

  it('takes headers of any name, repeated ones and such without a value', async () => {
    const names = ['constructor', '__proto__', 'toString', 'twice', 'twice', 'beckon.errors', '']
    const headers = Object.create(null) as Record<string, Buffer[]>
    for (const [i, name] of names.entries()) headers[name] = [...(headers[name] ?? []), Buffer.from(String(i))]
    headers['empty'] = [Buffer.alloc(0)]
    await log.append([{ topic: 'clicks', partition: 2, key: 'ann', value: Buffer.from('one'), headers }])
    await rejectNew('json')
    assert.equal((await redrive(log, options)).redriven, 1)
    const [original, again] = await contents()
    assert.deepEqual(
      again!.headers.filter(([name]) => name !== 'beckon.redriven'),
      original!.headers,
    )
    assert.equal(original!.headers.length, names.length + 1)
  })

  it('does not redrive the same dead letter twice', async () => {
    await publish('one')
    await rejectNew('json')
    await redrive(log, options)
    assert.equal((await redrive(log, options)).redriven, 0)
    assert.equal((await contents()).length, 2)
  })

  it('takes one reason, and the others later', async () => {
    for (const reason of ['json', 'limit', 'json'] as const) {
      await publish(reason)
      await rejectNew(reason)
    }
    assert.equal((await redrive(log, { ...options, reason: 'json' })).redriven, 2)
    assert.equal((await redrive(log, { ...options, reason: 'json' })).redriven, 0)
    assert.equal((await redrive(log, options)).redriven, 1)
    assert.deepEqual(
      (await contents()).slice(3).map(({ value }) => value),
      ['json', 'json', 'limit'],
    )
  })

  it('goes on after its limit where it left off', async () => {
    for (let i = 0; i < 5; i++) await publish(`${i}`)
    await rejectNew('json')
    assert.equal((await redrive(log, { ...options, limit: 2 })).redriven, 2)
    assert.equal((await redrive(log, { ...options, limit: 2 })).redriven, 2)
    assert.equal((await redrive(log, options)).redriven, 1)
    assert.deepEqual(
      (await contents()).slice(5).map(({ value }) => value),
      ['0', '1', '2', '3', '4'],
    )
  })

  it('changes nothing in a dry run', async () => {
    await publish('one')
    await rejectNew('json')
    assert.equal((await redrive(log, { ...options, dryRun: true })).redriven, 1)
    assert.equal((await contents()).length, 1)
    assert.equal((await redrive(log, options)).redriven, 1)
  })

  it('gives up on a record that came back three times', async () => {
    await publish('poison')
    await rejectNew('json')
    for (let round = 0; round < 3; round++) {
      assert.equal((await redrive(log, options)).redriven, 1)
      await rejectNew('json')
    }
    assert.deepEqual(await redrive(log, options), { redriven: 0, refused: { ...nothingRefused, loop: 1 } })
    const { newest } = await listDeadLetters(log, { topic: 'dead', limit: 10, reason: undefined, withValues: false })
    assert.deepEqual(newest.map(({ redriven }) => redriven).sort(), [0, 1, 2, 3])
  })

  it('refuses what was cut, what came from elsewhere, and what is no dead letter of ours', async () => {
    await publish('x'.repeat(whole.value + 1))
    await rejectNew('too_large')
    const large = 'x'.repeat(whole.headers + 1)
    await log.append([{ topic: 'clicks', partition: 2, key: large, value: Buffer.from('{}'), headers: {} }])
    await log.append([{ topic: 'clicks', partition: 2, key: 'ann', value: Buffer.from('{}'), headers: { large } }])
    await rejectNew('json')
    await publish('foreign', 'other', 0)
    looked = 0
    await rejectNew('json', 'other', 0)
    await log.append([
      { topic: 'dead', key: null, value: Buffer.from('?'), headers: { 'beckon.errors.partition': '-1' } },
    ])
    assert.deepEqual(await redrive(log, options), { redriven: 0, refused: { cut: 3, loop: 0, foreign: 2 } })
  })
})
