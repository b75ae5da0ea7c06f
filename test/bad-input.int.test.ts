import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import kafkajs, { type Message } from 'kafkajs'
import { cases, event, hitMapping, hitSchema, secret, soundHit, startMs } from './bad-input-cases.ts'
import { type SeenRecord, type Service, skip, until, World } from './harness.ts'

/*
 * The catalogue of bad input has 54 rows. The tests have the numbers of theirs in their titles (`catalogue.test.ts` knows
 * them all); here are those that need nothing but the real service. Closer to the code are tested, besides:
 *
 *  8         src/ingest/registry/registry.test.ts: what is no answer of a registry is a bad schema
 *  10        src/ingest/avro-schema.test.ts: a schema that could do harm, or is none, is refused before anything is made of it
 *  11-21     src/ingest/decode.test.ts: every kind of broken encoding has its reason, whether the field is read or skipped
 *  26        src/ingest/avro.test.ts: a name that means something to JavaScript is data
 *  30        src/placement/clickhouse/count-split.int.test.ts: who is counted
 *  31, 32    src/features/features.test.ts: the state
 *  46        src/log/kafka/record-set.test.ts: aborted transactions are left out
 *  47        src/features/features.test.ts: a bounded set keeps its bound; src/profiles/cache.int.test.ts: the gauge
 *  49        src/expressions/expression.test.ts: macros that multiply their lists end as an error; src/decide/decide.test.ts: counted
 */

const partitions = 2
const topics = ['plain', 'strict', 'wire', 'erasing', 'codecs', 'upstream'] as const
type Topic = (typeof topics)[number]
/** Those of a topic's sound events. */
const customersOf = (topic: Topic) => ['anna', 'ben', 'cleo'].map((name) => `${secret}${topic}-${name}`)
const customers = topics.flatMap(customersOf)

const names = customers.map((name) => `'${name}'`).join(', ')

/** What the sound events of one customer in one partition must have done. */
interface Effect {
  count: number
  sum: number
  readonly eventIds: string[]
}

/** Makes the sound events, and keeps what has to come of them and where each record lies. */
class Feed {
  readonly effects = new Map<string, Effect>()
  readonly messages = new Map<string, Message[]>()
  count = 0

  /** The customers take turns. */
  sound(topic: Topic, partition: number): Message {
    const n = ++this.count
    const own = customersOf(topic)
    const customer = own[n % own.length]!
    const timeMs = startMs + n * 1000
    const value = (n % 7) + 0.25
    const key = `${partition} ${customer}`
    const effect = this.effects.get(key) ?? { count: 0, sum: 0, eventIds: [] }
    this.effects.set(key, effect)
    effect.count++
    effect.sum += value
    effect.eventIds.push(`sound-${n}`)
    const bytes =
      topic === 'wire'
        ? soundHit(customer, timeMs, value)
        : event({ messageId: `sound-${n}`, userId: customer, timestamp: timeMs, value })
    return { key: customer, value: bytes, partition }
  }

  /** Puts a record behind those of its partition; returns its offset. */
  add(topic: Topic, partition: number, message: Message): number {
    const key = `${topic} ${partition}`
    const list = this.messages.get(key) ?? []
    this.messages.set(key, list)
    return list.push({ ...message, partition }) - 1
  }
}

const bulk = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`copy_${i}`, { cel: 'properties.note' }]))

describe('bad input', { skip }, () => {
  let world: World
  let service: Service
  const feed = new Feed()
  /** Where each case lies, in the order of the cases. */
  const places: { partition: number; offset: number }[] = []
  const folder = mkdtempSync(join(tmpdir(), 'beckon-bad-input-'))
  let configFile: string
  let deadLetters: SeenRecord[]
  let metrics: string
  const stored = new Map<string, Record<string, unknown>>()

  before(async () => {
    world = await World.open()
    await world.createTopics({
      ...Object.fromEntries(topics.map((topic) => [topic, partitions])),
      actions: partitions,
      dead_letters: 1,
    })
    writeFileSync(join(folder, 'hit.avsc'), JSON.stringify(hitSchema))
    configFile = world.writeConfig({
      topics: topics.map((name) => ({
        name: world.topic(name),
        format: name === 'wire' ? 'wire' : 'json',
        ...(name === 'wire' ? { schema: join(folder, 'hit.avsc'), mapping: hitMapping } : {}),
        ...(name === 'strict' ? { key: 'customer', tombstones: 'dead_letter' } : {}),
        ...(name === 'erasing' ? { key: 'customer', tombstones: 'erase' } : {}),
      })),
      features: [
        { name: 'seen', count: {}, window: 'lifetime' },
        { name: 'spend', sum: 'value', window: 'lifetime' },
        { name: 'recent', count: {}, window: { size: '10m', pane: '1m' } },
      ],
      actions: [
        { name: 'milestone', when: 'seen % 3 == 0' },
        { name: 'faulty', when: 'properties.level > 5.0' },
        { name: 'bulky', when: 'type == "bulky"', payload: bulk },
      ],
      arbitration: { emit: 'all' },
      ops: { log_level: 'debug' },
    })
    service = await world.start(configFile)

    for (const topic of ['plain', 'strict', 'wire', 'erasing'] as const) {
      for (let i = 0; i < partitions * customers.length; i++)
        feed.add(topic, i % partitions, feed.sound(topic, i % partitions))
    }
    for (const { row, topic, message } of cases) {
      const partition = row % partitions // Those of one row may be about one customer.
      feed.add(topic, partition, feed.sound(topic, partition))
      places.push({ partition, offset: feed.add(topic, partition, message) })
      feed.add(topic, partition, feed.sound(topic, partition))
    }
    await feedCodecs(world, feed)
    await feedTransactions(world, feed)
    await feedNeverEnded(world, feed, service)
    for (const [key, messages] of feed.messages) await world.produce(key.split(' ')[0]!, messages)
    await world.consumed(service, ...topics)
    await redrive(world, feed)
    await world.consumed(service, ...topics)

    metrics = (await service.get('/metrics')).text
    assert.deepEqual(await service.stop(), { code: 0, signal: null })
    deadLetters = await world.read('dead_letters')
    for (const row of await world.select<Record<string, unknown>>('SELECT *, currency FROM events FINAL')) {
      stored.set(`${row['topic']} ${row['partition']} ${row['offset']}`, row)
    }
  })
  after(async () => {
    await world?.close()
    rmSync(folder, { recursive: true })
  })

  function deadLetterOf(topic: string, partition: number, offset: number): SeenRecord[] {
    const wanted = [world.topic(topic), String(partition), String(offset)]
    const place = ['topic', 'partition', 'offset'].map((name) => `beckon.errors.${name}`)
    return deadLetters.filter(({ headers }) => place.every((name, i) => String(headers[name]) === wanted[i]))
  }

  for (const [i, { row, title, topic, message, outcome }] of cases.entries()) {
    it(`row ${row}: ${title}`, async () => {
      const { partition, offset } = places[i]!
      const letters = deadLetterOf(topic, partition, offset)
      const columns = stored.get(`${world.topic(topic)} ${partition} ${offset}`)
      if (outcome === 'skipped' || outcome === 'erased') {
        assert.deepEqual([letters, columns], [[], undefined])
        if (outcome === 'skipped') return
        assert.deepEqual(await profileOf(String(message.key)), [])
        assert.match(metrics, new RegExp(`^beckon_erasures_total\\{topic="${world.topic(topic)}"\\} 1$`, 'm'))
      } else if ('dead' in outcome) {
        assert.equal(letters.length, 1)
        assertCopy(letters[0]!, message, outcome.dead)
        // What is too large is the action; the event itself is sound.
        assert.equal(columns !== undefined, outcome.dead === 'output_limit')
      } else {
        assert.deepEqual(letters, [])
        assert.ok(columns !== undefined, 'it is not stored')
        assertHolds(columns, outcome.stored)
      }
    })
  }

  it('row 23: a sum saturates', async () => {
    const [profile] = await profileOf(`${secret}rich`)
    assert.equal(profile!.numbers['spend'], Number.MAX_SAFE_INTEGER / 1e4)
  })

  it('row 35: the future does not move the stream time', async () => {
    const [profile] = await profileOf(`${secret}ahead`)
    assert.equal(profile!.stream_time, '2026-01-01 00:00:00.000')
  })

  it('row 36: a late event is counted where its pane is kept, and nowhere else', async () => {
    const [profile] = await profileOf(`${secret}late`)
    assert.deepEqual(profile!.numbers, { seen: 3, spend: 0, recent: 2 })
    assert.match(metrics, /^beckon_late_events_total\{feature="recent"\} 1$/m)
  })

  function storedOf(topic: Topic): number {
    return [...stored.keys()].filter((place) => place.startsWith(`${world.topic(topic)} `)).length
  }
  const soundOf = (topic: Topic) =>
    [...feed.effects].reduce((sum, [key, { count }]) => (key.includes(`${topic}-`) ? sum + count : sum), 0)

  it('row 45: batches of every codec are read, and a bad record in one of them is one dead letter', () => {
    const letters = deadLetters.filter(
      ({ headers }) => String(headers['beckon.errors.topic']) === world.topic('codecs'),
    )
    assert.deepEqual(
      letters.map(({ value, headers }) => [String(value), String(headers['beckon.errors.reason'])]),
      [[secret, 'json']],
    )
    assert.equal(storedOf('codecs'), soundOf('codecs'))
  })

  it('row 46: nothing is seen of what was aborted or never ended, and all of what lay behind it', () => {
    const letters = deadLetters.filter(
      ({ headers }) => String(headers['beckon.errors.topic']) === world.topic('upstream'),
    )
    assert.deepEqual(letters, [])
    assert.equal(storedOf('upstream'), soundOf('upstream'))
  })

  it('row 49: a rule that can not be evaluated says so, beside the others', async () => {
    const [found] = await world.select(
      `SELECT toString(count()) AS decisions, toString(countIf(reasons[indexOf(candidates, 'faulty')] = 'error')) AS errors
       FROM decisions FINAL WHERE has(chosen, 'milestone') AND customer IN (${names})`,
    )
    const milestones = [...feed.effects.values()].reduce((sum, { count }) => sum + Math.floor(count / 3), 0)
    assert.deepEqual(found, { decisions: String(milestones), errors: String(milestones) })
    assert.match(metrics, /^beckon_conditions_total\{action="faulty",result="error"\} [1-9]/m)
    assert.match(metrics, /^beckon_conditions_total\{action="faulty",result="met"\} 0$/m)
    assert.match(metrics, /^beckon_conditions_total\{action="milestone",result="error"\} 0$/m)
  })

  it('row 54: a dead letter that is sent again is the same event, and tells of its last fault only', () => {
    const [again] = deadLetterOf('strict', 0, feed.messages.get('strict 0')!.length)
    assert.ok(again !== undefined)
    assertCopy(again, cases.find(({ topic }) => topic === 'strict')!.message, 'tombstone')
    const duplicate = stored.get(`${world.topic('plain')} 0 ${feed.messages.get('plain 0')!.length}`)
    assert.equal(duplicate?.['duplicate'], true)
  })

  it('every other record is no dead letter, and each is counted', () => {
    const dead = cases.flatMap(({ outcome }) =>
      typeof outcome === 'object' && 'dead' in outcome ? [outcome.dead] : [],
    )
    dead.push('tombstone', 'json') // One sent again, and one among the codecs.
    assert.equal(deadLetters.length, dead.length)
    const byReason = (reasons: readonly string[]) =>
      Object.fromEntries(
        reasons.toSorted().map((reason, _, all) => [reason, all.filter((one) => one === reason).length]),
      )
    const counted = [...metrics.matchAll(/^beckon_dead_letters_total\{reason="(\w+)"\} (\d+)$/gm)]
    assert.deepEqual(
      Object.fromEntries(
        counted
          .filter(([, , n]) => n !== '0')
          .map(([, reason, n]) => [reason!, Number(n)])
          .sort(),
      ),
      byReason(dead),
    )
  })

  it('the sound events around have their full effect: features, events and actions', async () => {
    const profiles = await world.select<{ key: string; seen: number; spend: number }>(
      `SELECT concat(toString(partition), ' ', customer) AS key, numbers['seen'] AS seen, numbers['spend'] AS spend
       FROM customers WHERE customer IN (${names})`,
    )
    const expected = [...feed.effects].map(([key, { count, sum }]) => ({
      key,
      seen: count,
      spend: sum,
    }))
    const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1)
    assert.ok(expected.length === partitions * customers.length)
    assert.deepEqual(profiles.sort(byKey), expected.sort(byKey))

    const [{ n } = { n: '' }] = await world.select<{ n: string }>(
      `SELECT toString(count()) AS n FROM events FINAL WHERE customer IN (${names}) AND NOT late AND NOT duplicate`,
    )
    assert.equal(Number(n), feed.count)

    const actions = (await world.read('actions')).map(({ value }) => JSON.parse(String(value)))
    const milestones = actions.filter(({ action, customer }) => action === 'milestone' && customers.includes(customer))
    const thirds = [...feed.effects].flatMap(([key, { eventIds }]) =>
      eventIds.filter((_, i) => i % 3 === 2).map((id) => (key.includes('wire') ? key : id)),
    )
    assert.deepEqual(
      milestones
        .map(({ topic, partition, customer, event_id: id }) =>
          topic === world.topic('wire') ? `${partition} ${customer}` : id,
        )
        .sort(),
      thirds.sort(),
    )
  })

  it('no partition failed, and nothing that a producer sent is in the logs or the metrics', () => {
    assert.doesNotMatch(metrics, /^beckon_partition_failed\{reason="\w+"\} [1-9]/m)
    const marker = secret.replace('~', '')
    assert.ok(!service.output.includes(marker), 'a log line tells data')
    assert.ok(!metrics.includes(marker), 'a metric tells data')
    assert.deepEqual(service.faults, [])
  })

  it('row 30: customers whose events lie in two partitions are counted, and each partition decides on what it has', async () => {
    // It is counted when a process starts, and then every ten minutes.
    const again = await world.start(configFile)
    await again.logged('customers.split')
    await again.logged('started')
    const [{ n } = { n: '' }] = await world.select<{ n: string }>(
      'SELECT count() AS n FROM (SELECT customer FROM events GROUP BY customer HAVING uniqExact(partition) = 2)',
    )
    assert.ok(Number(n) >= customers.length)
    assert.equal(await again.metric('beckon_customers_in_two_partitions'), Number(n))
    assert.deepEqual(await again.stop(), { code: 0, signal: null })
    const places = [...feed.effects.keys()].filter((key) => key.endsWith(customers[0]!))
    assert.deepEqual(places.sort(), [`0 ${customers[0]}`, `1 ${customers[0]}`])
  })

  it('row 52: a state that can not be read stops its own partition, and says why', async () => {
    const [customer] = customersOf('plain')
    await world.database.client.command({
      query: `INSERT INTO profiles (partition, customer, version, state)
              SELECT partition, customer, version + 1, 'rotten' FROM customers
              WHERE partition = 0 AND customer = {customer:String}`,
      query_params: { customer },
    })
    const again = await world.start(configFile)
    const sound = (partition: number) => ({
      partition,
      value: event({ userId: customer!, messageId: `after-${partition}` }),
    })
    await world.produce('plain', [sound(0), sound(1)])
    await again.logged('task.failed', ({ reason, partition }) => reason === 'state' && partition === 0)
    await until(
      'the other partition has gone on',
      async () => (await again.metric('beckon_events_consumed_total')) === 1,
    )
    assert.equal(await again.metric('beckon_partition_failed', 'reason="state"'), 1)
    const { status, text } = await again.get('/readyz')
    assert.equal(status, 503)
    assert.match(text, /"state":"failed","reason":"state"/)
    assert.deepEqual(await again.stop(), { code: 0, signal: null })
  })

  function profileOf(customer: string) {
    return world.select<{ numbers: Record<string, number>; stream_time: string }>(
      `SELECT * FROM customers WHERE customer = '${customer}'`,
    )
  }
})

/** A dead letter has the record's key, bytes and headers, the reason, and no value of the producer's in its own headers. */
function assertCopy({ key, value, headers }: SeenRecord, message: Message, reason: string): void {
  const bytes = (of: Message['value'] | undefined) =>
    of === null || of === undefined ? null : Buffer.from(of as Buffer)
  const sent = bytes(message.value)
  const kept = 256 * 1024
  const cut = sent !== null && sent.length > kept
  assert.deepEqual(key, bytes(message.key))
  assert.deepEqual(value, cut ? sent.subarray(0, kept) : sent)
  const own: Record<string, unknown> = {}
  const ours: Record<string, string> = {}
  for (const [name, content] of Object.entries(headers)) {
    if (name.startsWith('beckon.errors.')) ours[name.slice('beckon.errors.'.length)] = String(content)
    else own[name] = content
  }
  const asBuffers = (content: unknown) =>
    Array.isArray(content) ? content.map((one) => Buffer.from(one)) : Buffer.from(content as string)
  assert.deepEqual(
    own,
    Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, of]) => [name, asBuffers(of)])),
  )
  const names = [
    'detail',
    'offset',
    'partition',
    'reason',
    'time',
    'timestamp',
    'topic',
    ...(cut ? ['value_bytes'] : []),
  ]
  assert.deepEqual(
    Object.keys(ours)
      .filter((name) => name !== 'schema_id')
      .sort(),
    names,
  )
  assert.equal(ours['reason'], reason)
  if (cut) assert.equal(ours['value_bytes'], String(sent.length))
  assert.ok(!Object.values(ours).join().includes(secret))
}

/** All that is expected is there; of maps, some of their entries. */
function assertHolds(columns: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(expected)) {
    const found = columns[name]
    if (typeof value === 'object' && value !== null) {
      assertHolds(found as Record<string, unknown>, value as Record<string, unknown>)
    } else assert.equal(found, value, name)
  }
}

/** Row 45: batches of every codec, with a bad record among them; zstd is written by kcat where that is installed. */
async function feedCodecs(world: World, feed: Feed): Promise<void> {
  const { GZIP, Snappy, LZ4 } = kafkajs.CompressionTypes
  const some = () => Array.from({ length: 12 }, (_, i) => feed.sound('codecs', i % partitions))
  await world.produce('codecs', [{ value: secret, partition: 0 }, ...some()], GZIP)
  for (const codec of [Snappy, LZ4]) await world.produce('codecs', some(), codec)
  if (spawnSync('kcat', ['-V']).error) return
  for (let partition = 0; partition < partitions; partition++) {
    const input = Array.from({ length: 6 }, () => feed.sound('codecs', partition)).map(({ value }) => `${value}\n`)
    const to = ['-P', '-b', world.kafka, '-t', world.topic('codecs'), '-p', String(partition), '-z', 'zstd']
    const { status, stderr } = spawnSync('kcat', to, { input: input.join('') })
    assert.equal(status, 0, String(stderr))
  }
}

/** Row 46: what an upstream app aborts is invisible; what it leaves open holds up what lies behind, and loses nothing. */
async function feedTransactions(world: World, feed: Feed): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const some = () => [1, 2, 3].map(() => feed.sound('upstream', partition))
    const undone = () => [secret, event({ userId: customers[0]! })].map((value) => ({ value, partition }))
    await world.produce('upstream', some())
    await (await world.beginTransaction('upstream', undone())).abort()
    await (await world.beginTransaction('upstream', some())).commit()
    const open = await world.beginTransaction('upstream', undone())
    await world.produce('upstream', some())
    await open.abort()
    await world.produce('upstream', some())
  }
}

/** Row 46: what is left open for ever is ended by the broker; until then the gauge tells of that partition alone. */
async function feedNeverEnded(world: World, feed: Feed, service: Service): Promise<void> {
  await service.logged('assigned')
  await service.logged('started')
  const open = await world.beginTransaction('upstream', [{ value: secret, partition: 0 }], 10_000)
  await world.produce('upstream', [feed.sound('upstream', 0), feed.sound('upstream', 1)])
  const heldBack = (partition: number) =>
    service.metric('beckon_held_back_seconds', `topic="${world.topic('upstream')}",partition="${partition}"`)
  await until('the open transaction is seen', async () => (await heldBack(0)) > 0)
  await until('the other partition holds nothing back', async () => (await heldBack(1)) === 0)
  await open.leave()
  await until('nothing is held back any longer', async () => (await heldBack(0)) === 0)
  await world.produce('upstream', [feed.sound('upstream', 0)])
}

/** Row 54: a dead letter goes back as it is, and a sound event comes again with a dead letter's headers. */
async function redrive(world: World, feed: Feed): Promise<void> {
  const letters = await world.read('dead_letters')
  const letter = letters.find(({ headers }) => String(headers['beckon.errors.reason']) === 'tombstone')!
  const headers = letter.headers as NonNullable<Message['headers']>
  await world.produce('strict', [{ key: letter.key, value: letter.value, headers, partition: 0 }])
  const [sound] = feed.messages.get('plain 0')!
  await world.produce('plain', [{ ...sound!, headers }])
}
