import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { freePort } from './ports.ts'
import { birthOf } from './process.ts'
import { killPart, missingTools, stackStatus, startPart, startStack, stopStack } from './stack.ts'

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

async function sql(url: string, query: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', body: query, headers: { connection: 'close' } })
  const text = (await response.text()).trim()
  assert.ok(response.ok, text)
  return text
}
