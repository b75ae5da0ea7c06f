import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { SliceWriter } from '../log.ts'
import { createClient } from './client.ts'
import { type Asked, apis, FakeCluster } from './fake-cluster.ts'
import { openKafkaWriter } from './writer.ts'

const topics = ['out', 'journal']
const slice = {
  records: [0, 1, 2].map((partition) => ({
    topic: partition === 2 ? 'journal' : 'out',
    partition,
    key: 'k',
    value: Buffer.from('v'),
    headers: {},
  })),
  groupId: 'g',
  topic: 'in',
  partition: 0,
  nextOffset: 5,
  metadata: '',
}

describe('a writer of transactions', () => {
  let cluster: FakeCluster
  const writers: SliceWriter[] = []
  before(async () => {
    cluster = await FakeCluster.start(3)
  })
  beforeEach(async () => {
    await closeAll()
    for (const topic of topics) for (let i = 0; i < 3; i++) cluster.leaders.set(`${topic}/${i}`, i)
    cluster.coordinator = 0
    cluster.script = () => undefined
    cluster.written.clear()
    cluster.heard.length = 0
  })
  after(async () => {
    await closeAll()
    cluster.stop()
  })

  async function open(): Promise<SliceWriter> {
    const kafka = createClient(
      { brokers: cluster.addresses, clientId: 'test' },
      { initialRetryTime: 5, maxRetryTime: 20, retries: 2 },
    )
    const writer = await openKafkaWriter(kafka, 'id', topics)
    writers.push(writer)
    return writer
  }

  /** Checks that nothing stays connected. */
  async function closeAll(): Promise<void> {
    await Promise.all(writers.splice(0).map((writer) => writer.close()))
    while (cluster.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Applies the change to the first request of that kind. */
  function once(api: number, change: (asked: Asked) => void): void {
    let done = false
    cluster.script = (asked) => {
      if (asked.api !== api || done) return
      done = true
      change(asked)
    }
  }

  const counts = () => Object.fromEntries([...cluster.written].map(([key, all]) => [key, all.length]))
  const asked = (name: string) => cluster.heard.filter((one) => one.startsWith(`${name}@`)).length

  test('commits when each partition has acknowledged, in three round trips, wherever the leaders are', async () => {
    const opened = await open()
    await opened.commit(slice) // Knows the coordinators, and is connected, from then on.
    cluster.heard.length = 0
    assert.deepEqual(Object.fromEntries(await opened.commit(slice)), { 'out/0': 1, 'out/1': 1, 'journal/2': 1 })
    const trips = [cluster.heard.slice(0, 2), cluster.heard.slice(2, 6), cluster.heard.slice(6)]
    assert.deepEqual(
      trips.map((sent) => sent.sort()),
      [['addOffsets@0', 'addPartitions@0'], ['produce@0', 'produce@1', 'produce@2', 'txnOffsetCommit@0'], ['endTxn@0']],
    )
    await opened.commit({ ...slice, records: [] })
    assert.deepEqual(cluster.heard.slice(7), ['addOffsets@0', 'txnOffsetCommit@0', 'endTxn@0'])
    assert.deepEqual(counts(), { 'out/0': 2, 'out/1': 2, 'journal/2': 2 })
  })

  const drop = (asked: Asked) => void asked.results.splice(0, 1)
  const double = (asked: Asked) => void asked.results.push({ ...asked.results[0]! })
  const foreign = (asked: Asked) => void asked.results.push({ ...asked.results[0]!, partition: 9 })
  const fail = (code: number) => (asked: Asked) => {
    asked.errorCode = code
    if (asked.results.length > 0) asked.results.at(-1)!.errorCode = code
  }
  const lose = (asked: Asked) => {
    asked.fate = 'lost'
  }
  const loseAnswer = (asked: Asked) => {
    asked.fate = 'late'
  }
  const cases: { name: string; api: number; change: (asked: Asked) => void; code: string }[] = [
    { name: 'a partition that Produce does not answer', api: apis.produce, change: drop, code: 'aborted' },
    { name: 'a partition that Produce answers twice', api: apis.produce, change: double, code: 'aborted' },
    { name: 'a partition that was not asked for', api: apis.produce, change: foreign, code: 'aborted' },
    { name: 'a partition that AddPartitionsToTxn leaves out', api: apis.addPartitions, change: drop, code: 'aborted' },
    { name: 'an offset that TxnOffsetCommit leaves out', api: apis.txnOffsetCommit, change: drop, code: 'aborted' },
    { name: 'a leader that has moved', api: apis.produce, change: fail(6), code: 'aborted' },
    { name: 'too few replicas', api: apis.produce, change: fail(19), code: 'aborted' },
    { name: 'a broker that does not know the topic yet', api: apis.produce, change: fail(3), code: 'aborted' },
    { name: 'a sequence that the broker takes for a duplicate', api: apis.produce, change: fail(46), code: 'aborted' },
    { name: 'an error that nobody knows', api: apis.addOffsets, change: fail(999), code: 'aborted' },
    { name: 'a record set that is too large', api: apis.produce, change: fail(10), code: 'too_large' },
    { name: 'rights', api: apis.addPartitions, change: fail(29), code: 'refused' },
    { name: 'another owner of the id', api: apis.produce, change: fail(47), code: 'fenced' },
    {
      name: 'another owner of the id, in the name of later versions',
      api: apis.addOffsets,
      change: fail(90),
      code: 'fenced',
    },
    { name: 'a connection that is lost before Produce is done', api: apis.produce, change: lose, code: 'aborted' },
    {
      name: 'a connection that is lost after Produce was done',
      api: apis.produce,
      change: loseAnswer,
      code: 'aborted',
    },
    { name: 'a commit that is lost', api: apis.endTxn, change: lose, code: 'unknown_outcome' },
    { name: 'a commit whose answer is lost', api: apis.endTxn, change: loseAnswer, code: 'unknown_outcome' },
    {
      name: 'a commit that the coordinator does not take',
      api: apis.endTxn,
      change: fail(16),
      code: 'unknown_outcome',
    },
    { name: 'a commit under an id of another owner', api: apis.endTxn, change: fail(47), code: 'fenced' },
  ]
  for (const { name, api, change, code } of cases) {
    test(`is dead after ${name}: ${code}, and nothing is sent twice`, async () => {
      const opened = await open()
      once(api, change)
      await assert.rejects(opened.commit(slice), { name: 'LogError', code })
      assert.equal(asked('endTxn'), Number(api === apis.endTxn))
      for (const name of ['produce', 'endTxn']) {
        const sent = cluster.heard.filter((one) => one.startsWith(`${name}@`))
        assert.equal(new Set(sent).size, sent.length, `${name}: once to a broker`)
      }
      const made = cluster.heard.length
      await assert.rejects(opened.commit(slice), { code: 'aborted' })
      assert.equal(cluster.heard.length, made, 'a dead writer sends nothing more')
    })
  }

  test('answers may come in another order than asked', async () => {
    for (let i = 0; i < 3; i++) cluster.leaders.set(`out/${i}`, 0)
    cluster.leaders.set('journal/2', 0)
    const opened = await open()
    cluster.script = (asked) => void asked.results.reverse()
    assert.equal((await opened.commit(slice)).size, 3)
    assert.equal(asked('produce'), 1, 'one request for one leader')
  })

  test('a leader that moves between metadata and Produce ends the writer; the next one goes to the new leader', async () => {
    const opened = await open()
    cluster.leaders.set('out/1', 2)
    await assert.rejects(opened.commit(slice), { code: 'aborted' })
    assert.equal(asked('endTxn'), 0)
    const next = await open()
    await next.commit(slice)
    assert.equal(cluster.epoch > 1, true, 'the id has a new epoch')
    assert.deepEqual(cluster.written.get('out/1'), [{ sequence: 0, count: 1, epoch: cluster.epoch }])
  })

  test('with a partition that has no leader or does not exist, the transaction is refused before anything is sent', async () => {
    cluster.leaders.set('out/1', -1)
    let opened = await open()
    await assert.rejects(opened.commit(slice), { code: 'aborted' })
    cluster.leaders.delete('out/1')
    opened = await open()
    await assert.rejects(opened.commit(slice), { code: 'unknown_topic' })
    for (const topic of [...cluster.leaders.keys()]) if (topic.startsWith('out/')) cluster.leaders.delete(topic)
    await assert.rejects(open(), { code: 'unknown_topic' })
    assert.equal(asked('addPartitions'), 0)
    assert.equal(asked('produce'), 0)
  })

  test('a leader that was elected after the metadata was read is found', async () => {
    cluster.leaders.set('out/1', -1)
    const opened = await open()
    cluster.leaders.set('out/1', 2)
    await opened.commit(slice)
    assert.deepEqual(counts(), { 'out/0': 1, 'out/1': 1, 'journal/2': 1 })
  })

  test('a coordinator that is busy, loading or moved is asked again within the same transaction', async () => {
    const opened = await open()
    const codes = [51, 14, 15, 51]
    cluster.script = (asked) => {
      const isRepeatable = [apis.addPartitions, apis.addOffsets, apis.txnOffsetCommit].includes(asked.api)
      const code = isRepeatable ? codes.shift() : undefined
      if (code !== undefined) fail(code)(asked)
    }
    await opened.commit(slice)
    cluster.coordinator = 1
    cluster.heard.length = 0
    await opened.commit(slice)
    assert.equal(cluster.heard.at(-1), 'endTxn@1')
    assert.equal(asked('produce'), 3, 'records go out once')
  })

  test('records that fill several batches, and batches that fill several requests, go out in order', async () => {
    const opened = await open()
    const value = Buffer.alloc(400_000)
    const records = Array.from({ length: 30 }, (_, i) => ({
      topic: 'out',
      partition: i % 3,
      key: null,
      value,
      headers: {},
    }))
    await opened.commit({ ...slice, records })
    for (const partition of [0, 1, 2]) {
      const batches = cluster.written.get(`out/${partition}`)!
      assert.deepEqual(
        batches.map(({ sequence, count }) => [sequence, count]),
        [0, 2, 4, 6, 8].map((sequence) => [sequence, 2]),
      )
    }
  })

  test('a record that no batch can hold is refused before anything is sent', async () => {
    const opened = await open()
    const large = { topic: 'out', key: null, value: Buffer.alloc(1_000_001), headers: {} }
    await assert.rejects(opened.commit({ ...slice, records: [large] }), { code: 'too_large' })
    assert.equal(asked('addOffsets'), 0)
  })

  test('opening asks again while the last owner’s transaction ends, and closes its connections if it fails', async () => {
    const codes = [51, 16, 51]
    cluster.script = (asked) => {
      if (asked.api === apis.initProducerId) asked.errorCode = codes.shift() ?? 0
    }
    await open()
    assert.equal(asked('initProducerId'), 4)
    await closeAll()
    cluster.script = (asked) => {
      if (asked.api === apis.initProducerId) asked.errorCode = 53
    }
    await assert.rejects(open(), { code: 'refused' })
    await closeAll()
  })

  test('a closed writer does not connect again', async () => {
    const opened = await open()
    const committing = opened.commit(slice).catch((error: unknown) => error)
    await opened.close()
    await committing
    await closeAll()
    await assert.rejects(opened.commit(slice), { code: 'aborted' })
  })
})
