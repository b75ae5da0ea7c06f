import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import kafkajs, { type Admin, type CompressionTypes, type IHeaders, type Message, type Producer } from 'kafkajs'
import { committedPosition } from '../src/journal/commit-metadata.ts'
import { registerCodecs } from '../src/log/kafka/codecs.ts'
import { openKafkaLog } from '../src/log/kafka/kafka-log.ts'
import { createTestDatabase, type TestDatabase } from '../src/store/clickhouse/test-database.ts'
import { transactionalId } from '../src/task/committed.ts'
import { freePort } from '../src/tools/stack/ports.ts'

/**
 * The real service, as a child process, on the real servers. A world has topics, a database, a group and a folder of
 * its own; closing it removes them, and ends the services that a failed test left running.
 */

const { BECKON_TEST_KAFKA: sharedKafka, BECKON_TEST_CLICKHOUSE: clickhouse, CI: ci } = process.env
const missing = sharedKafka === undefined || clickhouse === undefined

/** Why the tests can't run here; in CI they have to. */
export const skip = missing && ci === undefined && 'BECKON_TEST_KAFKA and BECKON_TEST_CLICKHOUSE are not set'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))
const patienceMs = 120_000

/** Below a broker's default of 1 MiB a batch, if one record alone is not above it. */
const maxRequestBytes = 900_000

/** A record as a read_committed consumer sees it. */
export interface SeenRecord {
  readonly partition: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** A repeated header has its values in order. */
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

/** Header of the records that `read` appends to find the end of a topic whose last record is a transaction's marker. */
const endMark = 'test.end'

export class World {
  readonly prefix = `e2e-${randomBytes(5).toString('hex')}`
  readonly group = `${this.prefix}-group`
  readonly kafka: string
  readonly admin: Admin
  readonly database: TestDatabase
  readonly #client: kafkajs.Kafka
  readonly #producer: Producer
  readonly #folder = mkdtempSync(join(tmpdir(), 'beckon-e2e-'))
  readonly #services: Service[] = []
  /** Producers of transactions; their connections would keep a test alive that fails before it ends them. */
  readonly #upstream: Producer[] = []

  private constructor(broker: string, client: kafkajs.Kafka, database: TestDatabase) {
    this.kafka = broker
    this.#client = client
    this.database = database
    this.admin = client.admin()
    // A retry must not add a record: offsets are what the tests count by.
    this.#producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      // It is to know of partitions that were added a moment ago.
      metadataMaxAge: 0,
    })
  }

  /** @param kafka where it is not the one of all tests */
  static async open({ withTables = true, kafka = sharedKafka } = {}): Promise<World> {
    assert.ok(kafka !== undefined && clickhouse !== undefined, 'the tests of the service need both servers')
    await registerCodecs()
    const client = new kafkajs.Kafka({ brokers: [kafka], clientId: 'e2e', logLevel: kafkajs.logLevel.NOTHING })
    const world = new World(kafka, client, await createTestDatabase(withTables))
    await Promise.all([world.admin.connect(), world.#producer.connect()])
    return world
  }

  topic(name: string): string {
    return `${this.prefix}.${name}`
  }

  async createTopics(partitions: Readonly<Record<string, number>>): Promise<void> {
    const journal = Math.max(...Object.values(partitions))
    const topics = Object.entries({ journal, ...partitions }).map(([name, numPartitions]) => ({
      topic: this.topic(name),
      numPartitions,
      configEntries: [{ name: 'retention.ms', value: '-1' }],
    }))
    await this.admin.createTopics({ topics, waitForLeaders: false })
    // kafkajs's own wait gives up at once where the broker does not know a new topic yet.
    const names = topics.map(({ topic }) => topic)
    await until('the topics have leaders', () =>
      this.admin.fetchTopicMetadata({ topics: names }).then(
        (found) => found.topics.every(({ partitions: all }) => all.every(({ leader }) => leader >= 0)),
        () => false,
      ),
    )
  }

  /** Changes bytes of a record on the broker's disk, of whatever lies there as one run of them. */
  async damage(topic: string, partition: number, from: string, to: string): Promise<void> {
    const { brokers } = await this.admin.describeCluster()
    const resource = { type: kafkajs.ConfigResourceTypes.BROKER, name: String(brokers[0]!.nodeId) }
    const { resources } = await this.admin.describeConfigs({ resources: [resource], includeSynonyms: false })
    const folder = resources[0]!.configEntries.find(({ configName }) => configName === 'log.dirs')!.configValue
    const file = join(folder, `${this.topic(topic)}-${partition}`, `${'0'.repeat(20)}.log`)
    const at = readFileSync(file).indexOf(from)
    assert.ok(at >= 0, `${from} is on the disk`)
    const log = openSync(file, 'r+')
    writeSync(log, to, at)
    closeSync(log)
  }

  /** Appends in order, in requests that a broker takes. */
  async produce(topic: string, messages: readonly Message[], compression?: CompressionTypes): Promise<void> {
    const codec = compression === undefined ? {} : { compression }
    let request: Message[] = []
    let bytes = 0
    const send = async () => {
      const answers = await this.#producer.send({ topic: this.topic(topic), messages: request, ...codec })
      const taken = new Set(answers.map(({ partition }) => partition))
      // Of partitions whose leader it does not know it drops what is for them, and says nothing.
      for (const { partition } of request)
        assert.ok(partition === undefined || taken.has(partition), `partition ${partition} is not written`)
    }
    for (const message of messages) {
      const size = sizeOf(message)
      if (request.length > 0 && bytes + size > maxRequestBytes) {
        await send()
        request = []
        bytes = 0
      }
      request.push(message)
      bytes += size
    }
    await send()
  }

  /** An upstream transaction, left open; who leaves it ends it never, and the broker does after `timeoutMs` and a while. */
  async beginTransaction(
    topic: string,
    messages: Message[],
    timeoutMs = 60_000,
  ): Promise<{ commit(): Promise<void>; abort(): Promise<void>; leave(): Promise<void> }> {
    const producer = this.#client.producer({
      transactionTimeout: timeoutMs,
      transactionalId: `${this.prefix}-upstream-${randomBytes(3).toString('hex')}`,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    this.#upstream.push(producer)
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: this.topic(topic), messages })
    const end = async (ending: Promise<void>) => {
      await ending
      await producer.disconnect()
    }
    return {
      commit: () => end(transaction.commit()),
      abort: () => end(transaction.abort()),
      leave: () => end(Promise.resolve()),
    }
  }

  /** The output topics' names, as the configuration has them. */
  get outputs(): { actions: string; dead_letters: string; journal: string; rules: string } {
    return {
      actions: this.topic('actions'),
      dead_letters: this.topic('dead_letters'),
      journal: this.topic('journal'),
      rules: this.topic('rules'),
    }
  }

  /** Writes a configuration of these settings and the world's addresses; returns the file's name. */
  writeConfig(settings: Readonly<Record<string, unknown>>): string {
    const { url, database, username, password } = this.database.options
    const config = {
      kafka: { brokers: [this.kafka], group: this.group },
      clickhouse: { url, database, username, password },
      output: this.outputs,
      ...settings,
    }
    const file = join(this.#folder, `beckon-${randomBytes(3).toString('hex')}.yaml`)
    writeFileSync(file, JSON.stringify(config)) // JSON is YAML.
    return file
  }

  async start(configFile: string, port?: number): Promise<Service> {
    const service = new Service(configFile, port ?? (await freePort()))
    this.#services.push(service)
    return service
  }

  /** Waits until the group's committed offsets are the ends of the topics. */
  async consumed(service: Service, ...topics: readonly string[]): Promise<void> {
    for (const name of topics) {
      const topic = this.topic(name)
      await until(`${name} is consumed`, async () => {
        assert.equal(service.exitCode, null, `the service ended:\n${service.output}`)
        const ends = await this.admin.fetchTopicOffsets(topic)
        const committed = await this.#committedOf(topic)
        return ends.every(({ partition, high }) => {
          const found = committed?.partitions.find((entry) => entry.partition === partition)
          return high === '0' || (found !== undefined && Number(found.offset) >= Number(high))
        })
      })
    }
  }

  /** undefined while the group's coordinator is on its way to another broker, or up. */
  async #committedOf(topic: string) {
    const offsets = this.admin.fetchOffsets({ groupId: this.group, topics: [topic] })
    return (await offsets.catch(() => []))[0]
  }

  /** Commits an offset of the group as the service does, in a transaction of the partition's own id. */
  async commit(topic: string, partition: number, offset: number, metadata: string): Promise<void> {
    const log = await openKafkaLog({ brokers: [this.kafka], clientId: 'e2e' })
    const writer = await log.openWriter(transactionalId(this.group, partition))
    await writer.commit({ records: [], groupId: this.group, topic, partition, nextOffset: offset, metadata })
    await writer.close()
    await log.close()
  }

  /** Waits until all that is committed by now is in ClickHouse: a partition's checkpoint is stored behind all it speaks for. */
  async stored(service: Service): Promise<void> {
    const committed = new Map<number, number>()
    for (const { partitions } of await this.admin.fetchOffsets({ groupId: this.group })) {
      for (const { partition, metadata } of partitions) {
        committed.set(partition, Math.max(committed.get(partition) ?? 0, committedPosition(metadata ?? '')))
      }
    }
    await until('all is stored', async () => {
      assert.equal(service.exitCode, null, `the service ended:\n${service.output}`)
      const rows = await this.select<{ partition: number; position: string }>(
        "SELECT partition, max(version) AS position FROM profiles WHERE customer = '' GROUP BY partition",
      )
      const stored = new Map(rows.map(({ partition, position }) => [partition, Number(position)]))
      return [...committed].every(([partition, position]) => (stored.get(partition) ?? 0) >= position)
    })
  }

  /** All committed records of a topic, by partition in offset order. */
  async read(topic: string): Promise<SeenRecord[]> {
    const name = this.topic(topic)
    const groupId = `${this.prefix}-reader-${randomBytes(3).toString('hex')}`
    const open = new Set((await this.admin.fetchTopicOffsets(name)).map(({ partition }) => partition))
    const marks = [...open].map((partition) => ({ partition, value: null, headers: { [endMark]: groupId } }))
    await this.produce(topic, marks)
    const consumer = this.#client.consumer({ groupId, readUncommitted: false })
    const seen: SeenRecord[] = []
    try {
      await consumer.connect()
      await consumer.subscribe({ topic: name, fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message: { key, value, headers = {} } }) => {
          const mark = headers[endMark]
          if (mark === undefined) seen.push({ partition, key, value, headers: ownHeaders(headers) })
          else if (String(mark) === groupId) open.delete(partition)
        },
      })
      await until(`${topic} is read`, () => open.size === 0)
    } finally {
      await consumer.disconnect()
    }
    return seen.sort((a, b) => a.partition - b.partition)
  }

  select<Row>(query: string): Promise<Row[]> {
    return this.database.select<Row>(query)
  }

  async close(): Promise<void> {
    for (const service of this.#services) await service.kill()
    const topics = (await this.admin.listTopics()).filter((topic) => topic.startsWith(this.prefix))
    await this.admin.deleteTopics({ topics })
    const { groups } = await this.admin.listGroups()
    const ours = groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(this.prefix))
    // One that still has a member goes by itself.
    await this.admin.deleteGroups(ours).catch(() => undefined)
    await Promise.all([this.admin, this.#producer, ...this.#upstream].map((client) => client.disconnect()))
    await this.database.drop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function sizeOf({ value, headers = {} }: Message): number {
  const of = (content: unknown): number =>
    Array.isArray(content)
      ? content.reduce<number>((sum, one) => sum + of(one), 0)
      : Buffer.byteLength(content as string)
  return 200 + of(value ?? '') + of(Object.values(headers))
}

/** kafkajs takes a header named as a member of every object, such as `constructor`, for a repeated one. */
function ownHeaders(headers: IHeaders): SeenRecord['headers'] {
  const own = Object.entries(headers).map(([name, value]) => {
    const buffers = [value].flat().filter((one) => Buffer.isBuffer(one))
    return [name, buffers.length === 1 ? buffers[0]! : buffers]
  })
  return Object.fromEntries(own)
}

interface LogLine {
  readonly level: string
  readonly event: string
  readonly [field: string]: unknown
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** `beckon run` as a child process. */
export class Service {
  readonly port: number
  readonly lines: LogLine[] = []
  /** stdout and stderr. */
  output = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<Exit>

  constructor(configFile: string, port: number) {
    this.port = port
    const env = { ...process.env, BECKON_OPS__PORT: String(port) }
    this.#child = spawn(process.execPath, [program, 'run', '-c', configFile], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#exit = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }))
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.output += `${line}\n`
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine)
    })
    this.#child.stderr!.on('data', (text) => {
      this.output += text
    })
  }

  /** What it logged as an error; kafkajs calls so the answers, too, that it handles itself. */
  get faults(): LogLine[] {
    return this.lines.filter(({ level, event }) => level === 'error' && !event.startsWith('kafka.'))
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** Waits for a log line of that event; a service that ends before fails. */
  async logged(event: string, matches: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    let found: LogLine | undefined
    await until(`the log line ${event}`, () => {
      found = this.lines.find((line) => line.event === event && matches(line))
      assert.ok(found !== undefined || this.exitCode === null, `the service ended:\n${this.output}`)
      return found !== undefined
    })
    return found!
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`).catch((error) => {
      assert.fail(`${path} is not answered: ${error}\n${this.output}`)
    })
    return { status: response.status, text: await response.text() }
  }

  /** The sum of a metric's values over the label sets that hold `labels`; NaN as long as there are none. */
  async metric(name: string, labels = ''): Promise<number> {
    const { text } = await this.get('/metrics')
    const values = text.split('\n').filter((line) => new RegExp(`^${name}(\\{| )`).test(line) && line.includes(labels))
    if (values.length === 0) return Number.NaN
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }

  /** How it ended, by itself or when asked. */
  async ended(): Promise<Exit> {
    const hasEnded = () => this.#child.exitCode !== null || this.#child.signalCode !== null
    await until('the service ends', hasEnded, () => this.output)
    return await this.#exit
  }

  /** Asks it to end, and waits for that. */
  stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return this.ended()
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exit
  }
}

/** Asks every 100 ms until it is true; `seen` tells more where it never is. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, seen = () => ''): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!(await holds())) {
    if (Date.now() > deadline) assert.fail(`not within ${patienceMs / 1000} s: ${what}\n${seen()}`)
    await sleep(100)
  }
}
