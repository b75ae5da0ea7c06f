import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { partitionOfKey } from '../src/log/murmur2.ts'
import { type Service, skip, until, World } from './harness.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))
const partitions = 2
const forMs = 3_000
const tables = ['events', 'decisions', 'actions', 'consent', 'cases', 'profiles'] as const

/** A customer is erased through the input, and stays erased, whatever becomes of the process; nobody else is touched. */
describe('the erasure of a customer', { skip }, () => {
  let world: World
  let service: Service
  let fed = 0
  /** What each customer has sent since they were last erased. */
  const sent = new Map<string, number>()
  const customers = Array.from({ length: 20 }, (_, i) => `c${i}~pii`)
  const [gone, back, split] = customers as [string, string, string]

  const views = { name: 'views', count: {}, where: 'type == "view"', window: 'lifetime' }
  const configure = (checkpoint: string, tombstones: string, ...more: object[]) =>
    world.writeConfig({
      // One that erases is enough: what all topics tell of a customer meets in one profile.
      topics: [
        { name: world.topic('events'), format: 'json', key: 'customer', tombstones },
        { name: world.topic('taps'), format: 'json' },
      ],
      features: [views, { name: 'adds', count: {}, where: 'type == "add"', window: { size: '1h' } }, ...more],
      actions: [
        { name: 'hello', when: 'views >= 1', goal: { when: 'buy', within: '1d' } },
        { name: 'remind', on: { absent: 'buy', after: 'add', for: `${forMs}ms` }, when: 'adds > 0' },
      ],
      arbitration: { emit: 'all' },
      slice: { checkpoint },
    })
  let config: string

  before(async () => {
    world = await World.open()
    await world.createTopics({ events: partitions, taps: partitions, actions: 1, dead_letters: 1 })
    config = configure('200ms', 'erase')
    service = await world.start(config)
  })
  after(() => world?.close())

  const message = (type: string, userId: string, partition = partitionOfKey(userId, partitions)) => {
    const event = { messageId: `m${fed++}`, type: 'track', event: type, userId, timestamp: Date.now() }
    return { key: userId, partition, value: JSON.stringify(event) }
  }

  async function view(...who: readonly string[]): Promise<void> {
    for (const one of who) sent.set(one, (sent.get(one) ?? 0) + 1)
    await world.produce(
      'events',
      who.map((one) => message('view', one)),
    )
  }

  /** As an upstream app may do it too. */
  async function bury(who: string): Promise<void> {
    sent.delete(who)
    await world.produce('events', [{ key: who, partition: partitionOfKey(who, partitions), value: null }])
  }

  function run(...args: readonly string[]) {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const seen = { child: child as ChildProcess, out: '', err: '' }
    child.stdout.on('data', (text) => {
      seen.out += text
    })
    child.stderr.on('data', (text) => {
      seen.err += text
    })
    const ended = once(child, 'close').then(([code]) => code as number)
    return { seen, ended }
  }

  async function erase(who: string, file = config) {
    const { seen, ended } = run('erase', who, '-c', file, '--json')
    const code = await ended
    assert.ok(!`${seen.out}${seen.err}`.includes(who), 'the id is not printed')
    if (code === 0) sent.delete(who)
    return { code, err: seen.err, ...(seen.out === '' ? {} : JSON.parse(seen.out)) }
  }

  const rowsOf = async (who: string) => {
    const counts = await Promise.all(
      tables.map((table) =>
        world.select<{ n: string }>(`SELECT toString(count()) AS n FROM ${table} WHERE customer = '${who}'`),
      ),
    )
    return Object.fromEntries(tables.map((table, i) => [table, Number(counts[i]![0]!.n)]))
  }
  const nothing = { events: 0, decisions: 0, actions: 0, consent: 0, cases: 0, profiles: 0 }

  const actionsOf = async () =>
    (await world.read('actions')).map(({ value }) => JSON.parse(String(value)) as Record<string, unknown>)

  /** All that was sent since the erasures is in the profiles, and no more; the features are what the events say. */
  async function assertFull(running: Service, file = config): Promise<void> {
    await world.consumed(running, 'events')
    await world.stored(running)
    const profiles = await world.select<{ customer: string; views: number }>(
      "SELECT customer, sum(numbers['views']) AS views FROM customers WHERE numbers['views'] > 0 GROUP BY customer ORDER BY customer",
    )
    const expected = [...sent].map(([customer, views]) => ({ customer, views }))
    assert.deepEqual(
      profiles,
      expected.sort((a, b) => (a.customer < b.customer ? -1 : 1)),
    )
    const { seen, ended } = run('parity', '-c', file)
    assert.equal(await ended, 0, `${seen.out}${seen.err}`)
    assert.deepEqual(running.faults, [])
  }

  it('takes all rows of them, in every partition, and leaves the others as they are', async () => {
    for (let round = 0; round < 5; round++) await view(...customers)
    // A producer with another partitioner.
    const other = 1 - partitionOfKey(split, partitions)
    await world.produce('events', [message('view', split, other), message('view', split, other)])
    sent.set(split, sent.get(split)! + 2)
    await world.produce('taps', [message('view', gone), message('view', gone)])
    sent.set(gone, sent.get(gone)! + 2)
    await world.consumed(service, 'taps')
    await assertFull(service)

    const first = await erase(gone)
    assert.deepEqual(
      [first.code, first.erased],
      [0, { events: 7, decisions: 7, actions: 7, consent: 0, cases: 7, profiles: 1 }],
    )
    const second = await erase(split)
    assert.deepEqual(
      [second.code, second.erased],
      [0, { events: 7, decisions: 7, actions: 7, consent: 0, cases: 7, profiles: 2 }],
    )
    for (const who of [gone, split]) assert.deepEqual(await rowsOf(who), nothing)
    const { actions, dead_letters, journal } = world.outputs
    const topics = [actions, dead_letters, journal]
    assert.deepEqual(
      first.remaining.map(({ topic, retention_ms: ms }: { topic: string; retention_ms: number }) => [topic, ms]),
      [world.topic('events'), ...topics].map((topic) => [topic, -1]),
    )
    await view(...customers.slice(3))
    await assertFull(service)
    const all = await actionsOf()
    assert.equal(all.filter(({ customer }) => customer === customers[4]).length, 6)
  })

  it('row 53: of a customer whom nobody knows, or once more, succeeds and counts nothing', async () => {
    for (const who of ['nobody~pii', gone, gone]) {
      const { code, erased } = await erase(who)
      assert.deepEqual([code, erased], [0, nothing])
      assert.deepEqual(await rowsOf(who), nothing)
    }
    // One of each tombstone: split was known in two partitions.
    assert.equal(await service.metric('beckon_erasures_total', `topic="${world.topic('events')}"`), 6)
    const wrong = await erase('null')
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /no customer's id/)
    const unable = await erase(back, configure('200ms', 'skip'))
    assert.equal(unable.code, 2)
    assert.match(unable.err, /takes an erasure: set tombstones: erase and key: customer/)
  })

  it('begins them anew when they come back, by the events since then alone', async () => {
    await view(back, back)
    await world.consumed(service, 'events')
    await world.stored(service)
    assert.equal((await erase(back)).code, 0)
    await view(back)
    await assertFull(service)
    assert.deepEqual(await rowsOf(back), { events: 1, decisions: 1, actions: 1, consent: 0, cases: 1, profiles: 1 })
    const [profile] = await world.select(
      `SELECT session_index, session_events FROM customers WHERE customer = '${back}'`,
    )
    assert.deepEqual(profile, { session_index: 1, session_events: 1 })
  })

  it('lets no timer of theirs fire', async () => {
    const [forgotten, waits] = ['forgotten~pii', 'waits~pii']
    await world.produce('events', [message('add', forgotten, 0), message('buy', waits, 0)])
    await world.produce('events', [{ key: forgotten, partition: 0, value: null }, message('add', waits, 0)])
    const reminded = async () =>
      (await actionsOf()).filter(({ action }) => action === 'remind').map(({ customer }) => customer)
    await until('the other timer has fired', async () => (await reminded()).length > 0)
    assert.deepEqual(await reminded(), [waits])
    assert.equal(await service.metric('beckon_timers_fired_total'), 1)
  })

  it('is the same where the process is killed before it has stored it, and while nobody runs', async () => {
    assert.equal((await service.stop()).code, 0, service.output)
    const hasty = await world.start(configure('1h', 'erase'))
    const [erased, revived, asked] = customers.slice(5, 8) as [string, string, string]
    // The first checkpoint is at once; what follows waits for the next.
    await view(...customers.slice(3))
    await world.consumed(hasty, 'events')
    await view(erased, revived)
    await bury(erased)
    await bury(revived)
    await view(revived, ...customers.slice(8))
    await world.consumed(hasty, 'events')
    const before = await actionsOf()
    await hasty.kill()
    const known = await world.select(`SELECT customer FROM customers WHERE customer = '${erased}'`)
    assert.equal(known.length, 1, 'the store has not heard of it')

    const { seen, ended } = run('erase', asked, '-c', config)
    await until('it says whom it waits for', () => seen.err.includes('it does not move: does the service run'))
    service = await world.start(config)
    assert.equal(await ended, 0, seen.err)
    assert.match(seen.out, /^events {5,}\d+$/m)
    assert.ok(!`${seen.out}${seen.err}`.includes(asked))
    sent.delete(asked)
    assert.deepEqual(await rowsOf(asked), nothing)
    await assertFull(service)
    assert.deepEqual(await world.select(`SELECT customer FROM customers WHERE customer = '${erased}'`), [])
    assert.equal((await actionsOf()).length, before.length, 'a replay emits nothing')
  })

  it('does not come undone by a feature that is computed from the events', async () => {
    const [revived] = customers.slice(6) as [string]
    assert.ok((await rowsOf(revived))['events']! > sent.get(revived)!, 'nobody has deleted the events of before')
    assert.equal((await service.stop()).code, 0, service.output)
    const wider = configure('200ms', 'erase', { name: 'seen', count: {}, window: 'lifetime' })
    service = await world.start(wider)
    await view(revived)
    const { ended } = run('backfill', '-c', wider, '--json')
    assert.equal(await ended, 0)
    await assertFull(service, wider)
    const [profile] = await world.select<{ seen: number }>(
      `SELECT numbers['seen'] AS seen FROM customers WHERE customer = '${revived}'`,
    )
    assert.equal(profile!.seen, sent.get(revived))
  })

  it('is in no log line', async () => {
    assert.equal((await service.stop()).code, 0, service.output)
    assert.ok(!service.output.includes('~pii'))
  })
})
