import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Command } from 'commander'
import { openEngine } from '../src/cli/config-option.ts'
import { deployCommand } from '../src/cli/deploy.ts'
import { runInProcess } from '../src/cli/test-setup.ts'
import type { RecordBatch } from '../src/events/log.ts'
import { type JournalEntry, journalCodec } from '../src/journal/journal.ts'
import { journalSchemas } from '../src/schema-files.ts'
import { type SeenRecord, type Service, skip, until, World } from './harness.ts'

/**
 * Rules that are deployed while two workers run: twice under traffic, with a worker that dies before it has taken them and one
 * that dies after. An oracle of its own goes over the events in the order of the journal, and by the rules that each slice
 * names: what was published is what it comes to, and so are the profiles.
 */

const partitions = 4
const customers = Array.from({ length: 24 }, (_, i) => `c${i}`)
const names = ['first', 'second', 'third'] as const
type Name = (typeof names)[number]

/** An action says how much it has seen. */
const action = (name: string, when: string, counts: string) => ({ name, when, payload: { n: { cel: counts } } })
const seen = { name: 'seen', count: {}, window: 'lifetime' }
const buys = { name: 'buys', count: {}, where: 'type == "buy"', window: 'lifetime' }
const views = { name: 'views', count: {}, where: 'type == "view"', window: { size: '1000h', pane: '100h' } }
const rules: Readonly<Record<Name, object>> = {
  first: { features: [seen], actions: [action('thirds', 'seen % 3 == 0', 'seen')] },
  second: {
    features: [seen, buys],
    actions: [action('halves', 'seen % 2 == 0', 'seen'), action('bought', 'type == "buy"', 'buys')],
  },
  third: {
    features: [buys, views, seen],
    actions: [action('bought', 'type == "buy" && buys % 2 == 0', 'buys'), action('viewed', 'views % 3 == 0', 'views')],
  },
}

describe('rules that are deployed while the service runs', { skip }, () => {
  let world: World
  let fed = 0
  const config = {} as Record<Name, string>
  const policyOf = {} as Record<Name, string>

  const configure = (rule: object) =>
    world.writeConfig({
      topics: [{ name: world.topic('events'), format: 'json' }],
      arbitration: { emit: 'all' },
      // Only what is saved when the rules change and when partitions move: after a crash there is much to replay.
      slice: { checkpoint: '1h', max_events: 7 },
      ...rule,
    })

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: partitions, actions: partitions, dead_letters: 1, rules: 1 })
    for (const name of names) {
      config[name] = configure(rules[name])
      policyOf[name] = openEngine(config[name]).policy.version
    }
  })
  after(() => world?.close())

  const deploy = (...args: string[]) => runInProcess(deployCommand() as Command, ...args)

  async function feed(count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => {
      const userId = customers[(fed * 7) % customers.length]!
      const type = fed % 5 < 2 ? 'buy' : 'view'
      const event = { messageId: `m${fed}`, type, userId, timestamp: 1_700_000_000_000 + fed++ * 1000 }
      return { key: userId, value: JSON.stringify(event) }
    })
    await world.produce('events', messages)
  }

  const rulesEnd = async () => (await world.admin.fetchTopicOffsets(world.topic('rules')))[0]!.high
  const decidesBy = (service: Service, name: Name) =>
    until(`it decides by the ${name} rules`, async () => {
      return (await service.metric('beckon_policy_info', policyOf[name])) === 1
    })

  let workers: Service[] = []
  const consumed = () => world.consumed(workers[0]!, 'events')

  it('are taken by all workers, also by those that come later, and by what has died before', async () => {
    const [one, two] = [await world.start(config.first), await world.start(config.first)]
    workers = [one, two]
    await feed(60)
    await consumed()
    assert.equal(await one.metric('beckon_policy_info', 'source="file"'), 1)

    await feed(60)
    const { out, code } = await deploy('-c', config.second)
    assert.equal(code, 0)
    assert.match(out, new RegExp(`deployed policy ${policyOf.second}$`))
    assert.match(out, /feature {2}buys {4}new/)
    // It has not taken them, and its successor does so at once although its file has others.
    await two.kill()
    await feed(60)
    const three = await world.start(config.first)
    workers = [one, three]
    await three.logged('rules.deployed', ({ version }) => version === policyOf.second)
    await decidesBy(one, 'second')
    await decidesBy(three, 'second')
    await feed(60)
    await consumed()
    const { text } = await one.get('/readyz')
    assert.deepEqual(JSON.parse(text).rules, { policy: policyOf.second, source: 'deployed' })
  })

  it('are refused where they are faulty, and nothing changes', async () => {
    const end = await rulesEnd()
    const faulty = configure({ features: [seen], actions: [action('halves', 'sen % 2 == 0', 'seen')] })
    const { code, err } = await deploy('-c', faulty)
    assert.equal(code, 2)
    assert.match(err, /Unknown variable: sen/)
    assert.equal((await deploy('-c', config.first, '--version', 'none')).code, 2)
    assert.equal(await rulesEnd(), end)
    await decidesBy(workers[0]!, 'second')
  })

  it('are as they were where the topic has something else, which the worker tells', async () => {
    await world.produce('rules', [{ key: world.group, value: 'not rules', partition: 0 }])
    await workers[0]!.logged('rules.refused', ({ reason }) => reason === 'foreign')
    assert.equal(await workers[0]!.metric('beckon_rules_current'), 0)
    await decidesBy(workers[0]!, 'second')
  })

  it('are replayed by themselves after a crash, each slice by its own', async () => {
    await feed(60)
    assert.equal((await deploy('-c', config.third)).code, 0)
    await feed(60)
    for (const worker of workers) await decidesBy(worker, 'third')
    assert.equal(await workers[0]!.metric('beckon_rules_current'), 1)
    await feed(100)
    await consumed()
    await workers[0]!.kill()
    const four = await world.start(config.second)
    workers = [workers[1]!, four]
    await feed(60)
    await consumed()
    await until('the new features are computed', async () => {
      const left = await Promise.all(workers.map((worker) => worker.metric('beckon_backfill_pending_customers')))
      return left.every((count) => !(count > 0))
    })
    await feed(60)
    await consumed()
    for (const worker of workers) assert.equal((await worker.stop()).code, 0, worker.output)
    for (const { faults } of workers)
      assert.deepEqual(
        faults.filter(({ event }) => event !== 'rules.refused'),
        [],
      )
  })

  it('went back to those of before by their hash, and are told as deployed already', async () => {
    const { out, code } = await deploy('-c', config.third, '--version', policyOf.second, '--json')
    assert.equal(code, 0)
    const { policy, deployed, against } = JSON.parse(out)
    assert.deepEqual([policy, deployed, against.policy], [policyOf.second, true, policyOf.third])
    assert.match((await deploy('-c', config.second)).out, /is deployed already$/)
    assert.match((await deploy('-c', config.third, '--dry-run')).out, /would deploy/)
    assert.match((await deploy('-c', config.third)).out, /\ndeployed policy/)
  })

  it('published what the oracle comes to, and left the profiles that it comes to', async () => {
    const entries = (await world.read('journal')).flatMap((record) => journal.decode(batchOf(record)))
    const events = (await world.read('events')).map(({ partition, value }) => ({
      partition,
      ...JSON.parse(String(value)),
    }))
    const oracle = new Oracle()
    const used = new Set<string>()
    for (let partition = 0; partition < partitions; partition++) {
      const own = events.filter((event) => event.partition === partition)
      const slices = entries.filter((entry) => entry.partition === partition)
      assert.equal(slices.at(-1)?.next_offset, own.length, 'the journal goes to the end')
      for (const slice of slices) {
        const name = names.find((one) => policyOf[one] === slice.policy)
        assert(name, 'a slice is decided by rules that were deployed')
        used.add(name)
        oracle.slice(partition, name, slice, own)
      }
    }
    assert.deepEqual([...used].sort(), [...names].sort(), 'each of the rules decided something')
    const published = (await world.read('actions')).map(({ partition, value }) => {
      const { action: of, customer, payload } = JSON.parse(String(value))
      return `${partition} ${of} ${customer} ${payload.n}`
    })
    assert.deepEqual(published.sort(), oracle.published.sort())
    const stored = await world.select<{ customer: string; seen: number; buys: number; views: number }>(
      "SELECT customer, numbers['seen'] AS seen, numbers['buys'] AS buys, numbers['views'] AS views FROM customers ORDER BY customer",
    )
    assert.deepEqual(stored, oracle.profiles())
  })
})

const journal = journalCodec('journal', journalSchemas())
const batchOf = ({ value, headers }: SeenRecord) =>
  ({
    count: 1,
    value: () => value,
    headers: () => Object.entries(headers).map(([name, text]) => ({ name, value: text })),
  }) as unknown as RecordBatch

interface Counts {
  seen: number
  buys: number
  views: number
  /** What is not ready: it was not there under the rules before. */
  readonly lacking: Set<string>
}

interface OracleEvent {
  readonly type: string
  readonly userId: string
}

/** Counts by hand. A feature that the rules before did not have is ready from the slice on that computed it. */
class Oracle {
  readonly published: string[] = []
  readonly #customers = new Map<string, Counts>()
  readonly #rules = new Map<number, Name>()
  readonly #homes = new Map<string, number>()

  slice(partition: number, name: Name, entry: JournalEntry, events: readonly OracleEvent[]): void {
    this.#change(partition, name)
    for (const { type, userId } of events.slice(entry.first_offset, entry.next_offset)) {
      const counts = this.#of(userId, partition)
      counts.seen++
      if (type === 'buy') counts.buys++
      else counts.views++
      for (const [action, n] of this.#due(name, type, counts))
        this.published.push(`${partition} ${action} ${userId} ${n}`)
    }
    for (const customer of entry.refolded) this.#customers.get(customer)!.lacking.clear()
  }

  #change(partition: number, name: Name): void {
    const before = this.#rules.get(partition)
    this.#rules.set(partition, name)
    if (before === undefined || before === name) return
    const isNew = (feature: string) => featuresOf(name).includes(feature) && !featuresOf(before).includes(feature)
    for (const [customer, { lacking }] of this.#customers) {
      if (this.#homes.get(customer) !== partition) continue
      for (const feature of ['buys', 'views'].filter(isNew)) lacking.add(feature)
    }
  }

  #of(customer: string, partition: number): Counts {
    const counts = this.#customers.get(customer) ?? { seen: 0, buys: 0, views: 0, lacking: new Set() }
    this.#customers.set(customer, counts)
    this.#homes.set(customer, partition)
    return counts
  }

  #due(
    name: Name,
    type: string,
    { seen: all, buys: bought, views: viewed, lacking }: Counts,
  ): [string, number | null][] {
    const due: [string, number | null][] = []
    // A payload that is not ready is left out, and so is an action whose condition is not.
    const isReady = (feature: string) => !lacking.has(feature)
    if (name === 'first' && all % 3 === 0) due.push(['thirds', all])
    if (name === 'second' && all % 2 === 0) due.push(['halves', all])
    if (name === 'second' && type === 'buy') due.push(['bought', isReady('buys') ? bought : null])
    if (name === 'third' && type === 'buy' && isReady('buys') && bought % 2 === 0) due.push(['bought', bought])
    if (name === 'third' && isReady('views') && viewed % 3 === 0) due.push(['viewed', viewed])
    return due
  }

  profiles(): { customer: string; seen: number; buys: number; views: number }[] {
    return [...this.#customers]
      .map(([customer, { seen: all, buys: bought, views: viewed }]) => ({
        customer,
        seen: all,
        buys: bought,
        views: viewed,
      }))
      .sort((a, b) => (a.customer < b.customer ? -1 : 1))
  }
}

const featuresOf = (name: Name) => (rules[name] as { features: { name: string }[] }).features.map((one) => one.name)
