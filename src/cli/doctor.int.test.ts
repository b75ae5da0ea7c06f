import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import kafkajs from 'kafkajs'
import { loadConfig } from '../config/load.ts'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { createLogger } from '../ops/logger.ts'
import { createProfileStore } from '../store/clickhouse/profiles.ts'
import { writeCheckpointRow } from '../store/profile-row.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { TaskFailure } from '../task/failure.ts'
import { readiness } from '../task/readiness.ts'
import type { Finding } from '../tools/doctor/check.ts'
import { checks } from '../tools/doctor/checks.ts'
import { connectLog, connectStore } from './connect.ts'
import { doctorCommand } from './doctor.ts'
import { migrateCommand } from './migrate.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

describe('beckon doctor', { skip }, () => {
  let setup: Setup
  before(async () => {
    setup = createSetup()
    await runInProcess(migrateCommand(), '-c', setup.configFile, '--topics', '--partitions', '2', '--replicas', '1')
  })
  beforeEach(() => setup.configure({}))
  after(() => setup.drop())

  async function examine(): Promise<{ findings: Map<string, Finding>; code: number }> {
    const { out, code } = await runInProcess(doctorCommand(), '-c', setup.configFile, '--json')
    return { findings: new Map((JSON.parse(out) as Finding[]).map((finding) => [finding.check, finding])), code }
  }
  const statusOf = (findings: Map<string, Finding>, ...names: string[]) =>
    names.map((name) => findings.get(name)!.status)

  it('finds a healthy set-up healthy', async () => {
    const { findings, code } = await examine()
    const unhealthy = [...findings.values()].filter(({ status }) => status !== 'ok')
    const expected = ['geo skip', 'replication warn', 'registry skip', 'schemas skip']
    assert.deepEqual(unhealthy.map(({ check, status }) => `${check} ${status}`).sort(), expected.sort())
    assert.equal(findings.size, checks.length)
    assert.equal(code, 0)
  })

  it('names the faults of a configuration, and still checks what does not need it', async () => {
    setup.configure({ topics: [] })
    const { findings, code } = await examine()
    assert.deepEqual(statusOf(findings, 'node', 'config', 'brokers', 'tables'), ['ok', 'fail', 'skip', 'skip'])
    assert.match(findings.get('config')!.detail, /topics/)
    assert.equal(code, 1)
  })

  it('checks the servers though an expression is wrong', async () => {
    setup.configure({ actions: [{ name: 'hello', when: 'viewz > 3' }] })
    const { findings } = await examine()
    assert.deepEqual(statusOf(findings, 'declarations', 'brokers', 'tables', 'samples'), ['fail', 'ok', 'ok', 'skip'])
  })

  it('names the topics that are missing', async () => {
    const [dead, journal] = [`${setup.name}.dead`, `${setup.name}.journal`]
    setup.configure({ output: { actions: `${setup.name}.none`, dead_letters: dead, journal } })
    const { findings, code } = await examine()
    const { status, detail, mend } = findings.get('topics')!
    assert.equal(status, 'fail')
    assert.match(detail, new RegExp(`: ${setup.name}.none$`))
    assert.match(mend!, /beckon migrate --topics/)
    assert.deepEqual(statusOf(findings, 'brokers', 'transactions', 'tables'), ['ok', 'skip', 'ok'])
    assert.equal(code, 1)
  })

  it('names brokers that are not there, and those of several that are', async () => {
    setup.configure({ kafka: { brokers: ['127.0.0.1:1'], group: setup.name } })
    const none = await examine()
    assert.match(none.findings.get('brokers')!.detail, /^127\.0\.0\.1:1: nothing listens there$/)
    assert.match(none.findings.get('brokers')!.mend!, /kafka\.brokers/)
    assert.deepEqual(statusOf(none.findings, 'topics', 'tables'), ['skip', 'ok'])
    assert.equal(none.code, 1)
    setup.configure({ kafka: { brokers: ['127.0.0.1:1', setup.kafka], group: setup.name } })
    const one = await examine()
    assert.deepEqual(statusOf(one.findings, 'brokers', 'topics', 'transactions'), ['warn', 'ok', 'ok'])
  })

  it('names the advertised address that can not be reached', async () => {
    const proxy = await startAdvertising(setup.kafka, 2)
    try {
      setup.configure({ kafka: { brokers: [`127.0.0.1:${(proxy.address() as AddressInfo).port}`], group: setup.name } })
      const { findings } = await examine()
      assert.deepEqual(statusOf(findings, 'brokers', 'advertised', 'topics'), ['ok', 'fail', 'skip'])
      assert.match(findings.get('advertised')!.detail, /advertises \S+:2: nothing listens there$/)
      assert.match(findings.get('advertised')!.mend!, /advertised\.listeners/)
    } finally {
      proxy.close()
    }
  })

  it('says that ClickHouse is away, or has no tables, or refuses the user', async () => {
    setup.configure({ clickhouse: { url: 'http://127.0.0.1:1', database: setup.name } })
    const away = await examine()
    assert.match(away.findings.get('clickhouse')!.detail, /ECONNREFUSED/)
    assert.match(away.findings.get('clickhouse')!.mend!, /is it up/)
    assert.deepEqual(statusOf(away.findings, 'transactions', 'tables', 'clock'), ['ok', 'skip', 'skip'])
    const url = process.env['BECKON_TEST_CLICKHOUSE']
    setup.configure({ clickhouse: { url, database: `${setup.name}_none` } })
    const empty = await examine()
    assert.match(empty.findings.get('tables')!.mend!, /beckon migrate/)
    setup.configure({ clickhouse: { url, database: setup.name, username: 'nobody', password: 'wrong' } })
    const denied = await examine()
    assert.match(denied.findings.get('clickhouse')!.mend!, /user/)
  })

  it('tells input topics of different numbers of partitions', async () => {
    const log = await connectLog(loadConfig(setup.configFile, {}).config, createLogger('silent'))
    await log.createTopics([{ topic: `${setup.name}.wide`, partitions: 3, replicas: 1 }])
    await log.close()
    setup.configure({ topics: ['clicks', 'wide'].map((topic) => ({ name: `${setup.name}.${topic}`, format: 'json' })) })
    const { findings } = await examine()
    assert.match(findings.get('partitions')!.detail, /clicks has 2, \S+wide has 3/)
  })

  it("tells that beckon can't read what producers write", async () => {
    const topic = `${setup.name}.orders`
    const log = await connectLog(loadConfig(setup.configFile, {}).config, createLogger('silent'))
    await log.append([{ topic, partition: 1, key: 'ann', value: Buffer.from('no json'), headers: {} }])
    const { findings } = await examine()
    assert.equal(findings.get('samples')!.status, 'fail')
    assert.match(findings.get('samples')!.detail, /orders json 1; events: none; no records in \S+clicks$/)
    const good = JSON.stringify({ messageId: '1', userId: 'ann', event: 'view', timestamp: new Date().toISOString() })
    await log.append([{ topic, partition: 0, key: 'ann', value: Buffer.from(good), headers: {} }])
    await log.close()
    const mixed = await examine()
    assert.equal(mixed.findings.get('samples')!.status, 'warn', mixed.findings.get('samples')!.detail)
    assert.match(mixed.findings.get('lag')!.detail, /clicks 0, \S+orders 2$/)
  })

  it("tells a producer's transaction that hangs", async () => {
    const client = new kafkajs.Kafka({ brokers: [setup.kafka], logLevel: kafkajs.logLevel.NOTHING })
    const producer = client.producer({ transactionalId: `${setup.name}.up`, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: `${setup.name}.clicks`, messages: [{ partition: 1, value: '{}' }] })
    const { findings } = await examine()
    await transaction.abort()
    await producer.disconnect()
    assert.equal(findings.get('upstream')!.status, 'warn')
    assert.match(findings.get('upstream')!.detail, new RegExp(`: ${setup.name}.clicks-1$`))
    assert.match(findings.get('lag')!.detail, /clicks 1,/)
  })

  it('tells a checkpoint that is ahead of its group, which would stop the partition', async () => {
    const { config } = loadConfig(setup.configFile, {})
    const client = connectStore(config)
    const rows = new RowBuffer()
    const offsets = { [`${setup.name}.clicks`]: 500 }
    const checkpoint = { offsets, clockMs: 0, digest: '', journalOffset: 0, partitions: 2 }
    writeCheckpointRow(rows, 0, 507, 1_700_000_000_000, encodeCheckpoint(checkpoint))
    await createProfileStore(client).insert(rows.take())
    const { findings } = await examine()
    await client.command({ query: 'TRUNCATE TABLE profiles' })
    await client.close()
    assert.match(findings.get('recovery')!.detail, /clicks-0 is at 500, its group at no offset$/)
    assert.match(findings.get('recovery')!.mend!, /Partition failed: ahead$/)
  })

  it('tells a program that has the port from a beckon, and what ails that', async () => {
    const about = { isMember: true, failure: undefined, kafkaSilentMs: 0, missing: [], unansweredMs: () => 0 }
    const task = (failure?: TaskFailure) => ({ waitsFor: '', stateMs: () => 0, failure, at: { partition: 1 } })
    const answerOf = (tasks: Parameters<typeof readiness>[0]['tasks']) => {
      const { ok, detail } = readiness({ ...about, tasks })
      return JSON.stringify({ ok, ...detail })
    }
    const running = answerOf([{ ...task(), state: 'running' }])
    const failed = answerOf([{ ...task(new TaskFailure('gap', 'the topic now begins at 7')), state: 'failed' }])
    let answer = 'something else'
    const server = createHttpServer((_, response) => response.end(answer))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    setup.configure({ ops: { port: (server.address() as AddressInfo).port } })
    const verdicts: string[] = []
    for (answer of ['something else', running, failed]) {
      const { status, detail } = (await examine()).findings.get('ops port')!
      verdicts.push(`${status} ${detail}`)
    }
    server.close()
    assert.match(verdicts[0]!, /^fail another program/)
    assert.match(verdicts[1]!, /^ok a beckon runs on \S+, ready$/)
    assert.match(verdicts[2]!, /^fail .* such as 1: gap: the topic now begins at 7$/)
  })
})

/** A proxy to the broker that has it advertise another port of the same host. */
async function startAdvertising(broker: string, port: number): Promise<Server> {
  const [host = '', brokerPort] = broker.split(':')
  const real = addressBytes(host, Number(brokerPort))
  const server = createServer((client) => {
    const upstream = connect(Number(brokerPort), host)
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      for (let at = bytes.indexOf(real); at >= 0; at = bytes.indexOf(real, at + 1))
        addressBytes(host, port).copy(bytes, at)
      client.write(bytes)
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** As in a metadata response: the host with its length, then the port. */
function addressBytes(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(2 + host.length + 4)
  bytes.writeInt16BE(host.length)
  bytes.write(host, 2)
  bytes.writeInt32BE(port, 2 + host.length)
  return bytes
}
