import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openEngine } from '../src/cli/config-option.ts'
import { connectLog, connectStore } from '../src/cli/connect.ts'
import { explainCommand } from '../src/cli/explain.ts'
import { runInProcess } from '../src/cli/test-setup.ts'
import { journalCodec } from '../src/journal/journal.ts'
import type { Log } from '../src/log/log.ts'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { createLogger } from '../src/ops/logger.ts'
import { journalSchemas } from '../src/schema-files.ts'
import type { ClickHouseClient } from '../src/store/clickhouse/client.ts'
import { createStoryStore } from '../src/tools/explain/clickhouse/story-store.ts'
import { Deciders } from '../src/tools/explain/deciders.ts'
import { type Asked, type ExplainDeps, type Explanation, explain } from '../src/tools/explain/explain.ts'
import type { DecisionKey } from '../src/tools/explain/story.ts'
import { rulesOf, type TestRecord, TestStream } from '../src/tools/explain/test-stream.ts'
import { type Service, skip, World } from './harness.ts'

const inputs = ['events', 'taps', 'known', 'said']
const partitions = 2
/** Events in each of the three phases, each under rules of its own. */
const perPhase = 700
const eventMs = 3_000
const tables = ['profiles', 'events', 'decisions', 'actions', 'consent', 'policies', 'settings']

/** What the service decided is derived again from what it left behind: the tables, the journal, the rules. */
describe('beckon explain', { skip }, () => {
  let world: World
  let config: string
  let client: ClickHouseClient
  let log: Log
  let deps: ExplainDeps
  const startMs = Date.now() - 3 * 3_600_000
  const gone = 'c0'
  const explanations = new Map<Row, Explanation>()

  const configure = (sections: Readonly<Record<string, unknown>>) =>
    world.writeConfig({
      topics: [
        { name: world.topic('events'), format: 'json', key: 'customer', tombstones: 'erase' },
        { name: world.topic('taps'), format: 'json' },
        { name: world.topic('known'), format: 'json', role: 'traits' },
        { name: world.topic('said'), format: 'json', role: 'consent' },
      ],
      slice: { checkpoint: '500ms', max_events: 60 },
      ...sections,
    })

  before(async () => {
    world = await World.open()
    const outputs = { actions: 1, dead_letters: 1 }
    await world.createTopics({ ...Object.fromEntries(inputs.map((name) => [name, partitions])), ...outputs })
    const stream = new TestStream((n) => startMs + n * eventMs)
    const send = (topic: string, count: number, make: () => TestRecord) => {
      const messages = Array.from({ length: count }, make)
      return world.produce(
        topic,
        messages.map((message) => ({ ...message, partition: partitionOfKey(message.key, partitions) })),
      )
    }
    const feed = async (events: number) => {
      for (let done = 0; done < events; done += 100) {
        await send('events', 60, () => stream.event())
        await send('taps', 40, () => stream.event())
        await send('known', 6, () => stream.traits())
        await send('said', 12, () => stream.consent())
      }
    }
    let service: Service | undefined
    const rules = rulesOf(startMs)
    for (const [i, sections] of rules.entries()) {
      config = configure(sections)
      service = await world.start(config)
      await feed(perPhase)
      await world.consumed(service, ...inputs)
      // Once in peace, and once by a crash.
      if (i === 0) assert.equal((await service.stop()).code, 0, service.output)
      if (i === 1) await service.kill()
    }
    await world.produce('events', [{ key: gone, partition: partitionOfKey(gone, partitions), value: null }])
    await feed(100)
    await world.consumed(service!, ...inputs)
    await world.stored(service!)
    assert.equal((await service!.stop()).code, 0, service!.output)
    assert.deepEqual(service!.faults, [])
    const engine = openEngine(config)
    client = connectStore(engine.config)
    log = await connectLog(engine.config, createLogger('silent'))
    const { journal } = engine.config.output
    const store = createStoryStore(client)
    const codec = journalCodec(journal, journalSchemas())
    deps = { store, deciders: new Deciders(engine, store), journal: { log, topic: journal, codec } }
  })
  after(async () => {
    await client?.close()
    await log?.close()
    await world?.close()
  })

  interface Row {
    readonly customer: string
    readonly topic: string
    readonly partition: number
    readonly offset: string
    readonly position: string
    readonly timeMs: string
    readonly trigger: string
    readonly policy: string
    /** Of one of its actions; empty where it has none. */
    readonly id: string
  }
  const storedRows = () =>
    world.select<Row>(`
      SELECT customer, topic, partition, toString(offset) AS offset, toString(position) AS position,
        toString(toUnixTimestamp64Milli(time)) AS timeMs, trigger, policy,
        (SELECT groupArray((customer, position, time, action, id)) FROM actions FINAL) AS sent,
        arrayFirst(a -> a.1 = customer AND a.2 = decisions.position AND a.3 = time AND has(chosen, a.4), sent).5 AS id
      FROM decisions FINAL ORDER BY customer, decisions.position, time`)
  const keyOf = ({ customer, topic, partition, offset, position, timeMs, trigger }: Row): DecisionKey => ({
    ...{ customer, topic, partition, trigger },
    ...{ offset: Number(offset), position: Number(position), timeMs: Number(timeMs) },
  })

  /** What must be as it was: all tables, the ends of all topics, the groups and what ours has committed. */
  async function digest(): Promise<unknown> {
    const sums = await Promise.all(
      tables.map((table) => world.select(`SELECT count() AS n, sum(cityHash64(*)) AS sum FROM ${table} FINAL`)),
    )
    const { actions, dead_letters, journal } = world.outputs
    const topics = [actions, dead_letters, journal, ...inputs.map((name) => world.topic(name))]
    const ends = await Promise.all(topics.map((topic) => world.admin.fetchTopicOffsets(topic)))
    const { groups } = await world.admin.listGroups()
    const ours = groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(world.prefix))
    return [sums, ends, ours.sort(), await world.admin.fetchOffsets({ groupId: world.group })]
  }

  it('derives every decision again as it is stored, to the byte, and changes nothing', async () => {
    const was = await digest()
    const rows = await storedRows()
    const others: unknown[] = []
    let erased = 0
    const next = rows.values()
    const explainNext = async () => {
      for (const row of next) {
        const asked: Asked = row.id !== '' ? { actionId: row.id } : { key: keyOf(row) }
        const found = await explain(deps, asked)
        assert(found !== undefined)
        if ('decision' in found && found.equal) explanations.set(row, found)
        else if ('what' in found && found.what === 'erased' && row.customer === gone) erased++
        else others.push({ row, found })
      }
    }
    await Promise.all(Array.from({ length: 4 }, explainNext))
    assert.deepEqual(others.slice(0, 3), [])
    assert.equal(explanations.size + erased, rows.length)
    assert(erased > 0, 'the erased customer had decisions')
    assert.equal(new Set(rows.map(({ policy }) => policy)).size, 3)
    for (const [row, { decision }] of explanations) {
      assert.deepEqual([decision.customer, decision.position], [row.customer, Number(row.position)])
    }
    assert.deepEqual(await digest(), was)
  })

  it('says why in words and as JSON, of an action and of a customer; and what it does not find', async () => {
    const cli = (...args: string[]) => runInProcess(explainCommand(), '-c', config, ...args)
    const row = [...explanations.keys()].find(({ id }) => id !== '')!
    const { out, err, code } = await cli(row.id)
    assert.equal(code, 0, err)
    assert.match(out, new RegExp(`^${row.customer} got \\w+.* at 20\\d\\d-`))
    assert.match(out, /derived again {4}from the events; it is what was stored, to the byte/)
    const json = JSON.parse((await cli(row.id, '--json')).out)
    assert.deepEqual([json.decision.customer, json.equal, json.missing], [row.customer, true, []])
    const at = new Date(Number(row.timeMs)).toISOString()
    const before = JSON.parse((await cli(row.customer, '--at', at, '--json')).out)
    assert.equal(before.decision.time, at)
    const last = await cli('c1')
    assert.equal(last.code, 0, last.err)
    const none = await cli('nobody')
    assert.equal(none.code, 1)
    assert.match(none.err, /neither an action nor a decision about a customer nobody/)
  })
})
