import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Appender } from './appender.ts'
import { createClient } from './client.ts'
import { type Asked, apis, FakeCluster } from './fake-cluster.ts'

const recordFor = (partition: number) => ({
  topic: 'out',
  partition,
  key: null,
  value: Buffer.alloc(400_000),
  headers: {},
})

describe('an appender', () => {
  let cluster: FakeCluster
  let appender: Appender
  before(async () => {
    cluster = await FakeCluster.start(3)
  })
  beforeEach(async () => {
    for (let i = 0; i < 3; i++) cluster.leaders.set(`out/${i}`, i)
    cluster.script = () => undefined
    cluster.written.clear()
    cluster.heard.length = 0
    const retry = { initialRetryTime: 5, maxRetryTime: 20, retries: 2 }
    const kafka = createClient({ brokers: cluster.addresses, clientId: 'test' }, retry)
    await appender?.close()
    appender = await Appender.open(kafka, ['out'])
  })
  after(async () => {
    await appender.close()
    cluster.stop()
  })

  /** How many records a partition has; their sequence numbers must have no gap. */
  function countIn(partition: number): number {
    let next = 0
    for (const { sequence, count } of cluster.written.get(`out/${partition}`) ?? []) {
      assert.equal(sequence, next)
      next += count
    }
    return next
  }

  test('writes all batches in order, and returns the offset of the first record in each partition', async () => {
    const records = Array.from({ length: 20 }, (_, i) => recordFor(i % 2))
    assert.deepEqual(Object.fromEntries(await appender.append(records)), { 'out/0': 0, 'out/1': 0 })
    const [first, second] = await Promise.all([appender.append([recordFor(1)]), appender.append([recordFor(1)])])
    assert.deepEqual([first!.get('out/1'), second!.get('out/1')], [10, 11])
    assert.deepEqual([0, 1, 2].map(countIn), [10, 12, 0])
    assert.equal((await appender.append([])).size, 0)
  })

  const produceOnly = (change: (asked: Asked) => void) => (asked: Asked) => {
    if (asked.api === apis.produce) change(asked)
  }
  const faults: { name: string; change: (asked: Asked) => void }[] = [
    { name: 'is lost before it is done', change: (asked) => void Object.assign(asked, { fate: 'lost' }) },
    { name: 'is done, but its answer is lost', change: (asked) => void Object.assign(asked, { fate: 'late' }) },
    { name: 'misses a partition', change: (asked) => void asked.results.splice(0, 1) },
    { name: 'answers a partition twice', change: (asked) => void asked.results.push({ ...asked.results[0]! }) },
    ...[5, 6, 7, 19, 20, 56, 3, 999].map((code) => ({
      name: `has error ${code} for one partition`,
      change: (asked: Asked) => void Object.assign(asked.results[0]!, { errorCode: code }),
    })),
  ]
  for (const { name, change } of faults) {
    test(`sends unacknowledged records again with the same numbers, if a request ${name}`, async () => {
      for (let i = 0; i < 3; i++) cluster.leaders.set(`out/${i}`, 0)
      let left = 2
      cluster.script = produceOnly((asked) => {
        if (left-- > 0) change(asked)
      })
      const written = await appender.append(Array.from({ length: 12 }, (_, i) => recordFor(i % 3)))
      assert.deepEqual(Object.fromEntries(written), { 'out/0': 0, 'out/1': 0, 'out/2': 0 })
      assert.deepEqual([0, 1, 2].map(countIn), [4, 4, 4])
    })
  }

  test('sends a retry to the present leader', async () => {
    cluster.leaders.set('out/1', 2)
    await appender.append([recordFor(0), recordFor(1)])
    assert.deepEqual([0, 1].map(countIn), [1, 1])
  })

  test('waits for a leader, and until all brokers know the topic', async () => {
    cluster.leaders.set('out/1', -1)
    const appending = appender.append([recordFor(1), recordFor(2)])
    setTimeout(() => cluster.leaders.set('out/1', 0), 100)
    await appending
    assert.deepEqual([1, 2].map(countIn), [1, 1])
  })

  test('a duplicate counts as written', async () => {
    await appender.append([recordFor(0)])
    cluster.script = produceOnly(({ results }) => void Object.assign(results[0]!, { errorCode: 46 }))
    await assert.rejects(appender.append([recordFor(0)]), { code: 'unavailable', message: /where/ })
  })

  test('errors that no retry can help are thrown at once', async () => {
    for (const [errorCode, code] of [
      [10, 'too_large'],
      [29, 'refused'],
      [47, 'fenced'],
      [45, 'unavailable'],
    ] as const) {
      cluster.script = produceOnly(({ results }) => void Object.assign(results[0]!, { errorCode }))
      cluster.heard.length = 0
      await assert.rejects(appender.append([recordFor(0)]), { code })
      assert.deepEqual(cluster.heard, ['produce@0'])
    }
    await assert.rejects(appender.append([{ ...recordFor(0), topic: 'none' }]), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  test('ends appends under way when it is closed', async () => {
    cluster.leaders.set('out/1', -1)
    const appending = assert.rejects(appender.append([recordFor(1)]), { code: 'unavailable' })
    await appender.close()
    await appending
    await assert.rejects(appender.append([recordFor(0)]), { code: 'unavailable' })
  })
})
