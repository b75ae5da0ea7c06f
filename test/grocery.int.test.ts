import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { skip as noServers, World } from './harness.ts'
import { noSharedData as noData, sharedData } from './shared-data.ts'

const file = sharedData('grocery-baskets/transactions-weeks-1-13.csv.gz')
const lineCount = 345_215
const hourMs = 3_600_000
const dayMs = 24 * hourMs

interface Window {
  readonly name: string
  readonly declared: string | { size: string; pane: string }
  /** The condition on an event of `e` for being in the window as of the customer's stream time. */
  readonly sql: string
}

const panes = (name: string, size: string, pane: string, paneMs: number, count: number): Window => ({
  name,
  declared: { size, pane },
  // Design, section 3: floor(t/P) - S/P < floor(ts/P) <= floor(t/P).
  sql: `intDiv(now_ms, ${paneMs}) - ${count} < intDiv(ms, ${paneMs}) AND intDiv(ms, ${paneMs}) <= intDiv(now_ms, ${paneMs})`,
})
const windows: readonly Window[] = [
  panes('24h', '24h', '1h', hourMs, 24),
  panes('7d', '7d', '1d', dayMs, 7),
  panes('28d', '28d', '1d', dayMs, 28),
  { name: 'session', declared: 'session', sql: 'ms >= session_ms' },
  { name: 'lifetime', declared: 'lifetime', sql: 'true' },
]

/** Of all lines, and of those that some windows have none of. */
const conditions = [
  { name: 'all', cel: undefined, sql: 'true' },
  { name: 'dear', cel: 'value > 10.0', sql: 'value > 10' },
] as const

/** Each kind of feature, as declared and as SQL over the lines of one customer that are in the window; none: no such line. */
const kinds: readonly { name: string; declared: Record<string, unknown>; sql: string; none?: number | unknown[] }[] = [
  { name: 'count', declared: { count: {} }, sql: 'toFloat64(count())', none: 0 },
  { name: 'sum', declared: { sum: 'value', scale: 2 }, sql: 'sum(toInt64(floor(value * 100 + 0.5))) / 100', none: 0 },
  { name: 'avg', declared: { avg: 'value' }, sql: 'sum(toInt64(floor(value * 10000 + 0.5))) / 10000 / count()' },
  { name: 'min', declared: { min: 'value' }, sql: 'min(value)' },
  { name: 'max', declared: { max: 'value' }, sql: 'max(value)' },
  { name: 'products', declared: { distinct: 'properties.product_id' }, sql: 'toFloat64(uniqExact(product))', none: 0 },
  { name: 'stores', declared: { distinct: 'properties.store_id' }, sql: 'toFloat64(uniqExact(store))', none: 0 },
  // Of several lines of one second the smallest product is the first and the largest the last.
  { name: 'first', declared: { first: 'properties.product_id' }, sql: 'argMin(product, (ms, product))' },
  { name: 'last', declared: { last: 'properties.product_id' }, sql: 'argMax(product, (ms, product))' },
  { name: 'since', declared: { time_since: {} }, sql: 'toFloat64(intDiv(any(now_ms) - max(ms), 1000))' },
]
const top = { name: 'top', declared: { top: 'properties.product_id', k: 5 }, none: [] }

const featureName = (kind: string, condition: string, window: string) => `${kind}_${condition}_${window}`

const features = windows.flatMap((window) =>
  conditions.flatMap(({ name, cel }) =>
    [...kinds, top].map((kind) => ({
      name: featureName(kind.name, name, window.name),
      ...kind.declared,
      ...(cel === undefined ? {} : { where: cel }),
      window: window.declared,
      ...('distinct' in kind.declared || 'top' in kind.declared ? { max_values: 10_000 } : {}),
    })),
  ),
)

/** Every line beside its customer's stream time and the start of their latest session: after the last gap of more than 30 min. */
const lines = `
WITH
  lines AS (
    SELECT customer, toUnixTimestamp64Milli(time) AS ms, value, strings['product_id'] AS product, numbers['store_id'] AS store
    FROM events FINAL WHERE NOT duplicate
  ),
  gaps AS (
    SELECT customer, ms, ms - lagInFrame(ms, 1, 0) OVER (
      PARTITION BY customer ORDER BY ms ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS gap FROM lines
  ),
  latest AS (SELECT customer, max(ms) AS now_ms, maxIf(ms, gap > 1800000) AS session_ms FROM gaps GROUP BY customer),
  e AS (SELECT * FROM lines INNER JOIN latest USING customer)`

type Value = number | string | readonly string[]

describe('the features of every customer of a grocer', { skip: noServers || noData }, () => {
  let world: World
  const profiles = new Map<string, Record<string, Value>>()

  before(async () => {
    world = await World.open()
    await world.createTopics({ baskets: 6, actions: 1, dead_letters: 1 })
    await produceLines(world)
    const service = await world.start(
      world.writeConfig({
        topics: [
          {
            name: world.topic('baskets'),
            format: 'json',
            key: 'customer',
            mapping: {
              customer: 'household_id',
              type: { constant: 'purchase' },
              time: { field: 'transaction_timestamp', unit: 'iso' },
              value: 'sales_value',
            },
          },
        ],
        features,
        slice: { checkpoint: '5s' },
      }),
    )
    await world.consumed(service, 'baskets')
    await world.stored(service)
    assert.deepEqual(await service.stop(), { code: 0, signal: null })

    type Profile = { customer: string } & Record<'numbers' | 'strings' | 'lists', Record<string, Value>>
    for (const { customer, numbers, strings, lists } of await world.select<Profile>('SELECT * FROM customers')) {
      profiles.set(customer, { ...numbers, ...strings, ...lists })
    }
  })
  after(() => world?.close())

  it('are computed from every line, equal ones too', async () => {
    const counts = `SELECT toString(count()) AS lines, toString(uniqExact(id)) AS ids, toString(countIf(late OR duplicate)) AS left_out,
      toString(uniqExact(customer)) AS customers FROM events FINAL`
    const [found] = await world.select<Record<string, string>>(counts)
    assert.deepEqual(found, { lines: String(lineCount), ids: String(lineCount), left_out: '0', customers: '2261' })
    assert.equal(profiles.size, 2261)
    assert.deepEqual(await world.read('dead_letters'), [])
  })

  for (const window of windows) {
    for (const condition of conditions) {
      it(`equal plain SQL over events: ${condition.name} lines, ${window.name}`, async () => {
        const where = `FROM e WHERE (${window.sql}) AND (${condition.sql})`
        const columns = kinds.map(({ name, sql }) => `${sql} AS ${name}`).join(', ')
        const plain = await world.select<{ customer: string } & Record<string, Value>>(
          `${lines} SELECT customer, ${columns} ${where} GROUP BY customer`,
        )
        const tops = await world.select<{ customer: string; top: string[] }>(
          `${lines} SELECT customer, arrayMap(p -> p.2, arraySlice(arraySort(groupArray((-n, product))), 1, 5)) AS top
           FROM (SELECT customer, product, toInt64(count()) AS n ${where} GROUP BY customer, product) GROUP BY customer`,
        )
        const expected = new Map(plain.map((row) => [row.customer, row as Record<string, Value>]))
        for (const { customer, top } of tops) expected.get(customer)!['top'] = top
        assert.ok(condition.name === 'all' ? expected.size === 2261 : expected.size > 100 && expected.size < 2261)
        for (const [customer, profile] of profiles) {
          for (const { name, none } of [...kinds, top]) {
            const feature = featureName(name, condition.name, window.name)
            const wanted = expected.get(customer)?.[name] ?? none
            assert.deepEqual(profile[feature], wanted, `${feature} of ${customer}`)
          }
        }
      })
    }
  }
})

/** The lines as an upstream app may send them: JSON, without an id, keyed by household. */
async function produceLines(world: World): Promise<void> {
  const [head = '', ...rows] = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n')
  const names = head.split(',')
  assert.equal(rows.length, lineCount)
  // Codes, which are text though they look like numbers.
  const texts = new Set(['household_id', 'basket_id', 'product_id', 'transaction_timestamp'])
  const messages = rows.map((row) => {
    const values = row.split(',')
    const entries = names.map((name, i) => [name, texts.has(name) ? values[i] : Number(values[i])])
    return { key: values[0]!, value: JSON.stringify(Object.fromEntries(entries)) }
  })
  await world.produce('baskets', messages)
}
