import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import kafkajs, { type Admin } from 'kafkajs'
import { openKafkaLog } from '../../log/kafka/kafka-log.ts'
import { accessTo } from '../../store/clickhouse/local-access.ts'
import { freePort } from './ports.ts'
import { birthOf, readRecord } from './process.ts'
import { killPart, missingTools, stackStatus, startPart, startStack, stopPart, stopStack } from './stack.ts'

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs

const missing = Object.values(missingTools()).includes(true) && !process.env['CI']
const skip = missing && 'needs Java 17, Maven and the chdb package'

describe('the local stack', { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), 'beckon-stack-'))
  const dir = join(root, 'stack')
  after(async () => {
    await stopStack({ dir, wipe: true })
    rmSync(root, { recursive: true, force: true })
  })

  it('keeps what was stored through a stop, a crash of each part, and a second start', async () => {
    const ports = { kafka: await freePort(), clickhouse: await freePort() }
    const addresses = await startStack({ dir, ports })
    assert.deepEqual(addresses, {
      kafka: `127.0.0.1:${ports.kafka}`,
      clickhouse: `http://127.0.0.1:${ports.clickhouse}`,
    })
    const first = await stackStatus({ dir })
    assert.deepEqual(
      first.map(({ part, state, port }) => [part, state, port]),
      [
        ['kafka', 'answers', ports.kafka],
        ['clickhouse', 'answers', ports.clickhouse],
        ['registry', 'down', null],
      ],
    )
    await store(addresses)

    // Already up: the same processes.
    await startStack({ dir, ports })
    assert.deepEqual(await stackStatus({ dir }), first)

    assert.deepEqual(await stopStack({ dir }), ['kafka', 'clickhouse'])
    for (const { pid } of first) if (pid !== null) assert.equal(birthOf(pid), undefined)
    assert.ok((await stackStatus({ dir })).every(({ state }) => state === 'down'))

    // Port 0: the one that it had last.
    assert.deepEqual(await startStack({ dir, ports: { kafka: 0, clickhouse: 0 } }), addresses)
    assert.deepEqual(await stored(addresses), ['kept', '41'])

    await Promise.all([killPart({ dir, part: 'kafka' }), killPart({ dir, part: 'clickhouse' })])
    assert.ok((await stackStatus({ dir })).every(({ state }) => state === 'down'))
    await startPart({ dir, part: 'clickhouse' })
    await startPart({ dir, part: 'kafka' })
    assert.deepEqual(await stored(addresses), ['kept', '41'])

    await stopStack({ dir, wipe: true })
    assert.equal(existsSync(dir), false)
  })

  it('lets nobody in who has no password, and nobody at files or other servers', async () => {
    const { clickhouse: url } = await startStack({ dir, ports: { clickhouse: 0 } })
    const folder = join(dir, 'clickhouse')
    const { username, password } = accessTo(url)!
    const login = `${username}:${password}`
    const openTo = (path: string) => (statSync(path).mode & 0o777).toString(8)
    assert.equal(openTo(dir), '700')
    assert.equal(openTo(join(folder, 'password')), '600')
    assert.equal(await (await post(url, 'SELECT currentUser()', login)).text(), `${username}\n`)

    const strangers: [query: string, login: string | undefined][] = [
      ['', undefined],
      ['', 'default:'],
      ['', `${username}:`],
      ['', `${username}:wrong`],
      ['?user=default', undefined],
      ['?user=default&max_sessions_for_user=0', login],
    ]
    for (const [query, as] of strangers) {
      const answer = await post(`${url}/${query}`, "SELECT * FROM file('/etc/passwd', LineAsString)", as)
      assert.equal(answer.ok, false, `${query} ${as}`)
      assert.match(await answer.text(), /AUTHENTICATION_FAILED|SESSION_LIMIT/)
    }
    for (const query of [
      "SELECT * FROM file('/etc/passwd', LineAsString)",
      `INSERT INTO FUNCTION file('${join(root, 'written')}', LineAsString, 's String') SELECT 'x'`,
      `SELECT * FROM url('${url}', LineAsString)`,
    ]) {
      assert.match(await (await post(url, query, login)).text(), /ACCESS_DENIED/)
    }
    // What others may see: the processes' arguments, and what is said.
    const { pid } = readRecord(folder)!
    const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
    assert.match(stdout, /serve\.js/)
    for (const text of [stdout, readFileSync(join(folder, 'log'), 'utf8')]) assert.ok(!text.includes(password))
    await stopStack({ dir, wipe: true })
  })

  it('names the port that is taken, who holds it, and the flag', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    try {
      await assert.rejects(startStack({ dir, ports: { clickhouse: port } }), {
        name: 'StackError',
        message: new RegExp(`^clickhouse: port ${port} is taken by .*--clickhouse-port$`),
      })
    } finally {
      holder.close()
    }
  })
})

describe('a cluster of three brokers', { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), 'beckon-cluster-'))
  const dir = join(root, 'stack')
  after(async () => {
    await stopStack({ dir, wipe: true })
    rmSync(root, { recursive: true, force: true })
  })

  it('has ports in a row, keeps three copies of each topic, and serves while a broker is away', async () => {
    const { kafka } = await startStack({ dir, ports: { kafka: 0 }, brokers: 3 })
    const brokers = kafka.split(',')
    const [first] = brokers.map((address) => Number(address.split(':')[1]))
    assert.deepEqual(
      brokers,
      [0, 1, 2].map((i) => `127.0.0.1:${first! + i}`),
    )
    const log = await openKafkaLog({ brokers, clientId: 'stack-test' })
    try {
      await log.createTopics([{ topic: 'kept', partitions: 2 }])
      const slice = { records: [], groupId: 'g', topic: 'kept', partition: 0, nextOffset: 0, metadata: '' }
      const writer = await log.openWriter('w')
      await writer.commit(slice)
      await writer.close()
      assert.deepEqual(await replicasOf(brokers, ['kept', '__consumer_offsets', '__transaction_state']), [3, 3, 3])
      assert.deepEqual(await minInSyncOf(brokers, ['kept', '__consumer_offsets', '__transaction_state']), [2, 2, 2])

      await killPart({ dir, part: 'kafka-2' })
      const wanted = ['kafka answers', 'kafka-2 down', 'kafka-3 answers', 'clickhouse down', 'registry down']
      let states: string[] = []
      // Where it was the active controller, the others choose another one first.
      for (const end = performance.now() + 60_000; performance.now() < end; await sleep(200)) {
        states = (await stackStatus({ dir })).map(({ part, state }) => `${part} ${state}`)
        if (isDeepStrictEqual(states, wanted)) break
      }
      assert.deepEqual(states, wanted)
      await log.append([{ topic: 'kept', key: null, value: Buffer.from('kept'), headers: {}, partition: 1 }])
      await startPart({ dir, part: 'kafka-2' })
      await stopPart({ dir, part: 'kafka' })
      // As many as it has, where nobody says how many.
      assert.deepEqual(await startStack({ dir, ports: { kafka: 0 } }), { kafka })
      assert.deepEqual(await log.offsets('kept', 1), { low: 0, high: 1 })
    } finally {
      await log.close()
    }
    await assert.rejects(startStack({ dir, ports: { kafka: 0 }, brokers: 1 }), { name: 'StackError', code: 'usage' })
    assert.deepEqual(await stopStack({ dir }), ['kafka', 'kafka-2', 'kafka-3'])
  })
})

it('takes no folder that holds other files, and wipes none', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'beckon-other-'))
  mkdirSync(join(dir, 'kafka'))
  writeFileSync(join(dir, 'kafka', 'thesis.txt'), 'mine')
  const refusal = { name: 'StackError', code: 'usage' }
  await assert.rejects(startStack({ dir, ports: { clickhouse: 0 } }), refusal)
  await assert.rejects(stopStack({ dir, wipe: true }), refusal)
  assert.ok(existsSync(join(dir, 'kafka', 'thesis.txt')))
  rmSync(dir, { recursive: true })
})

interface Addresses {
  readonly kafka: string
  readonly clickhouse: string
}

async function store({ kafka, clickhouse }: Addresses): Promise<void> {
  const client = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 2 }] })
  await admin.disconnect()
  await sql(clickhouse, 'CREATE DATABASE kept')
  await sql(clickhouse, 'CREATE TABLE kept.t (n UInt32) ENGINE = MergeTree ORDER BY n')
  await sql(clickhouse, 'INSERT INTO kept.t VALUES (41)')
}

async function stored({ kafka, clickhouse }: Addresses): Promise<string[]> {
  const admin = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = await admin.listTopics()
  await admin.disconnect()
  return [...topics, await sql(clickhouse, 'SELECT n FROM kept.t')]
}

/** The least number of copies that a partition of each has. */
async function replicasOf(brokers: string[], topics: string[]): Promise<number[]> {
  const metadata = await asAdmin(brokers, (admin) => admin.fetchTopicMetadata({ topics }))
  return metadata.topics.map(({ partitions }) => Math.min(...partitions.map(({ replicas }) => replicas.length)))
}

async function minInSyncOf(brokers: string[], topics: string[]): Promise<number[]> {
  const resources = topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name }))
  const answer = await asAdmin(brokers, (admin) => admin.describeConfigs({ resources, includeSynonyms: false }))
  return answer.resources.map(({ configEntries }) =>
    Number(configEntries.find(({ configName }) => configName === 'min.insync.replicas')?.configValue),
  )
}

async function asAdmin<T>(brokers: string[], work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

function post(url: string, query: string, login?: string): Promise<Response> {
  const headers = { connection: 'close', ...(login && { authorization: `Basic ${btoa(login)}` }) }
  return fetch(url, { method: 'POST', body: query, headers })
}

async function sql(url: string, query: string): Promise<string> {
  const { url: address, username, password } = accessTo(url)!
  const response = await post(address, query, `${username}:${password}`)
  const text = (await response.text()).trim()
  assert.ok(response.ok, text)
  return text
}
