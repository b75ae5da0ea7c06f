import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { compileChannelGroup } from '../enrich/channel-group.ts'
import { directReferrer, noAgent, noCampaign, noGeo } from '../enrich/enrichment.ts'
import { noSession, outsideSessions, touchSession } from '../enrich/session.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import { toJsonText } from '../events/json-text.ts'
import { type Compiled, ExpressionFault, Scope } from '../expressions/expression.ts'
import { eventVariables, type Moment } from '../features/moment.ts'
import { insertRows } from '../store/clickhouse/insert.ts'
import { createTestDatabase, skip, type TestDatabase } from '../store/clickhouse/test-database.ts'
import { eventsTable, writeEventRow } from '../store/event-row.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { arrivalWindows, Columns, eventVariablesSql } from './event-columns.ts'
import { expressionToSql, NotInSql } from './expression.ts'
import { quoteText } from './quote.ts'
import { readable, SqlValues, tags } from './value.ts'

const scope = new Scope(eventVariables)

/** A value as the closure or the query gave it: CEL's error is told apart from null. */
type Given = 'error' | { readonly value: unknown }

function ofClosure(value: unknown): Given {
  if (value === undefined) return 'error'
  // A query has no -0 for what is 0.
  return { value: typeof value === 'number' ? value + 0 : JSON.parse(JSON.stringify(value, plain)) }
}

/** A map as an object, for JSON. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Properties) return Object.fromEntries(value.names.map((name) => [name, value.get(name)]))
  return value instanceof Map ? Object.fromEntries(value) : value
}

function ofQuery([tag, amount, text]: readonly [number, number, string]): Given {
  if (tag === tags.error) return 'error'
  if (tag === tags.list || tag === tags.map) return { value: JSON.parse(text) }
  if (tag === tags.none) return { value: null }
  if (tag === tags.bool) return { value: amount === 1 }
  return { value: tag === tags.number ? amount + 0 : text }
}

const texts = fc.constantFrom(
  '',
  'a',
  'b',
  'ab',
  'é',
  '\ue000',
  '😀',
  "'\\",
  '1',
  '-2.5e3',
  '1e400',
  '007',
  'true',
  'null',
  'x\0y\n',
)
const numbers = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 3, 0.1, 0.2, 2.5, 1e21, 1e-7, 123456789012, 2 ** 53, 1e300, -1e300, 5e-324),
  // About what fits into 64 bits.
  fc.constantFrom(
    1e18,
    -1e18,
    1e19,
    -1e19,
    1e20,
    -1e20,
    2 ** 63,
    -(2 ** 63),
    2 ** 64,
    -(2 ** 64),
    123456789012345680000,
  ),
  fc.bigInt(-(10n ** 21n), 10n ** 21n).map(Number),
  fc.constantFrom(1.234567890123456e-6, -1.234567890123456e-6, 1e-5, Number.MAX_VALUE),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
)
const scalars: fc.Arbitrary<Value> = fc.oneof(texts, numbers, fc.boolean(), fc.constant(null))
const oddNames = ['', '.', "it's", '"', '\\', 'é😀', ',12345678901234567890,', '[-9223372036854775809]', '__proto__']
const odd = fc.constantFrom(...oddNames)
const deep = (value: Value): Value => Array.from({ length: 12 }).reduce<Value>((of) => [{ '': of }], value)
const nested: fc.Arbitrary<Value> = fc.oneof(
  fc.array(fc.oneof(scalars, fc.record({ p: numbers, q: texts })), { maxLength: 3 }),
  fc.record({ a: scalars, b: fc.array(numbers, { maxLength: 2 }) }, { requiredKeys: [] }),
  fc.record({ a: fc.array(fc.array(scalars, { maxLength: 2 }), { maxLength: 2 }), b: fc.dictionary(odd, scalars) }),
  fc.dictionary(odd, fc.oneof(scalars, fc.dictionary(odd, scalars), scalars.map(deep))),
)
const names = ['n', 's', 'x', 'y', 'many', 'outcome']
const oddEntry = fc.tuple(odd, fc.oneof(scalars, nested))
const properties = fc
  .tuple(
    fc.record(
      { n: numbers, s: texts, x: scalars, y: scalars, many: nested },
      { requiredKeys: [], noNullPrototype: true },
    ),
    // Not the same twice: `size(properties)` counts both, and the tables have the last one.
    fc.uniqueArray(oddEntry, { maxLength: 3, selector: ([name]) => name }),
  )
  .map(([record, others]) => {
    const entries = [...Object.entries(record), ...others]
    return new Properties(
      entries.map(([name]) => name),
      entries.map(([, value]) => value as Value),
    )
  })

const url = fc.constantFrom(
  '',
  '/a',
  'https://shop.example',
  'http://h/p/q?x=1',
  '//h/z#f',
  'h.example/a',
  'a?b/c',
  'x:/y',
  '#/z',
)
const facts = fc.record({
  properties,
  traits: properties,
  type: fc.constantFrom('view', 'purchase', 'outcome'),
  value: fc.oneof(numbers, fc.constant(Number.NaN)),
  url,
  minutes: fc.integer({ min: 0, max: 120 }),
  bot: fc.boolean(),
  campaign: fc.constantFrom('', 'spring'),
})

/** Random CEL of about a type; what the check refuses is left out. */
const cel = fc.letrec<{ any: string; truth: string; amount: string; word: string; many: string }>((tie) => {
  const any = tie('any')
  // Of all of them together, so that an expression stays within what the server parses.
  const depth = { maxDepth: 4, depthSize: 'max', depthIdentifier: fc.createDepthIdentifier() } as const
  const [truth, amount, word, many] = [tie('truth'), tie('amount'), tie('word'), tie('many')]
  const field = fc
    .tuple(fc.constantFrom('properties', 'traits'), fc.constantFrom(...names, 'missing', ...oddNames))
    .map(([of, name]) => `${of}[${JSON.stringify(name)}]`)
  const inside = fc.constantFrom(
    'properties.many[0]',
    'properties.many[1].p',
    'properties.many.a',
    'properties.many["b"]',
    'properties["many"].b[0]',
    'properties.many[properties.n]',
    'properties.many[-1]',
    'properties.many[0.5]',
    'properties.many[""]',
    'properties.many.b[""]',
    'properties.many[""][0][""][0][""]',
    'properties.many.a[0]',
    'properties.many.a[0][0]',
    'traits.many.a[0][1]',
    '"" in properties',
    'properties.many.a == [[properties.n]]',
    '[properties.n] in properties.many.a',
    'properties.many.a.map(t, t) == properties.many.a',
    'properties.many == {"a": properties.x}',
  )
  const quoted = texts.map((value) => JSON.stringify(value))
  const literal = fc.oneof(
    quoted,
    fc.constantFrom('true', 'false', 'null', '0', '1', '2', '2.5', '1e21', '9007199254740991'),
  )
  const pair = (operators: readonly string[], a: fc.Arbitrary<string>, b = a) =>
    fc.tuple(a, fc.constantFrom(...operators), b).map(([x, op, y]) => `(${x} ${op} ${y})`)
  const call = (names: readonly string[], of: fc.Arbitrary<string>) =>
    fc.tuple(fc.constantFrom(...names), of).map(([name, x]) => `${name}(${x})`)
  const choice = (of: fc.Arbitrary<string>) => fc.tuple(truth, of, of).map(([c, x, y]) => `(${c} ? ${x} : ${y})`)
  const macro = fc
    .tuple(
      fc.constantFrom('exists', 'all', 'exists_one'),
      fc.constantFrom('t > 1', 't.p >= 1', 't == "a"', 't != null', 'has(t.q) && t.q < "b"', 't == properties.x'),
      // Of the properties themselves the order is not stored.
      fc.oneof(many, fc.constantFrom('properties', 'traits')),
    )
    .map(([name, body, of]) => `${of}.${name}(t, ${body})`)
  const made = fc
    .tuple(
      many,
      fc.constantFrom('filter(t, t > 1)', 'filter(t, t != null)', 'filter(t, t != properties.x)', 'map(t, t + 1)'),
    )
    .map(([of, how]) => `${of}.${how}`)
  return {
    many: fc.oneof(
      depth,
      fc.constantFrom('properties.many', 'traits.many', 'campaign', 'properties.many.map(t, [t])', '[]', '{}'),
      fc.array(any, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc.tuple(any, any).map(([x, y]) => `{"a": ${x}, "\\"é/\\\\": ${y}}`),
      made,
      fc.tuple(made, made).map(([x, y]) => `(${x} + ${y})`),
      choice(many),
    ),
    any: fc.oneof(
      depth,
      field,
      literal,
      inside,
      truth,
      amount,
      word,
      choice(any),
      many,
      word.map((name) => `properties[${name}]`),
      any.map((name) => `traits[${name}]`),
      fc.tuple(many, fc.constantFrom('0', '1', '"a"', 'properties.s', 'type')).map(([of, key]) => `${of}[${key}]`),
    ),
    truth: fc.oneof(
      depth,
      fc.constantFrom(
        'bot',
        'true',
        'type == "view"',
        'type in ["view", "page"]',
        '"n" in properties',
        'session_events > 1',
      ),
      field,
      macro,
      field.map((x) => `has(${x})`),
      pair(['==', '!='], any),
      pair(['<', '<=', '>', '>='], any),
      pair(['<', '<=', '>', '>='], amount),
      pair(['<', '<=', '>', '>='], word),
      pair(['&&', '||'], truth),
      truth.map((x) => `!(${x})`),
      fc.tuple(any, fc.array(literal, { maxLength: 3 })).map(([x, list]) => `(${x} in [${list.join(', ')}])`),
      any.map((x) => `(${x} in [-1, properties.y])`),
      fc.tuple(any, many).map(([x, of]) => `(${x} in ${of})`),
      word.map((name) => `(${name} in properties)`),
      fc.tuple(word, fc.constantFrom('startsWith', 'endsWith', 'contains'), word).map(([x, f, y]) => `${x}.${f}(${y})`),
      choice(truth),
    ),
    amount: fc.oneof(
      depth,
      field,
      fc.constantFrom(
        'value',
        'time_ms',
        'session_index',
        'session_events',
        '3',
        '2.5',
        '-1',
        '0.1',
        '9007199254740991',
      ),
      pair(['+', '-', '*', '/', '%'], amount),
      call(['int', 'double', 'size'], any),
      call(['size'], many),
      fc.constantFrom('size(properties)', 'size(traits)'),
      amount.map((x) => `-(${x})`),
      choice(amount),
    ),
    word: fc.oneof(
      depth,
      field,
      quoted,
      fc.constantFrom(
        'type',
        'outcome',
        'customer',
        'url',
        'entry_page',
        'campaign.source',
        'campaign.clickId',
        'channel_group',
        'device',
      ),
      call(['string'], any),
      pair(['+'], word),
    ),
  }
})

interface Fact {
  readonly properties: Properties
  readonly traits: Properties
  readonly type: string
  readonly value: number
  readonly url: string
  readonly minutes: number
  readonly bot: boolean
  readonly campaign: string
}

const channelGroupOf = compileChannelGroup()

/** The events in the order in which they came, as the service stores them, and as the closures see them. */
function momentsOf(given: readonly Fact[], customer: string, row: RowBuffer): Moment[] {
  const ofCustomer = noSession()
  return given.map((fact, offset) => {
    const event = Object.assign(new Event(), {
      customer,
      type: fact.type,
      value: fact.value,
      url: fact.url,
      properties: fact.properties,
      traits: fact.traits,
      timeMs: 1_700_000_000_000 + fact.minutes * 60_000,
    })
    // As if it came by a topic of outcomes, which are in no session.
    const session = fact.type === 'outcome' ? outsideSessions : ofCustomer
    if (session === ofCustomer) touchSession(session, event, { idleMs: 20 * 60_000, maxMs: 60 * 60_000 })
    const campaign = fact.campaign === '' ? noCampaign : { ...noCampaign, source: fact.campaign }
    const enrichment = {
      agent: { ...noAgent, bot: fact.bot },
      campaign,
      referrer: directReferrer,
      channelGroup: channelGroupOf(campaign, directReferrer),
      geo: noGeo,
    }
    const { index: sessionIndex, startMs: sessionStartMs } = session
    const folded = { offset, position: offset, event, enrichment, sessionIndex, sessionStartMs }
    writeEventRow(row, 't', 0, { ...folded, late: false, duplicate: false })
    return { event, enrichment, session: { ...session }, traits: new Map(), groups: [], notReady: undefined, asOfMs: 0 }
  })
}

/** The expressions that the check lets through; no generated one is refused for another reason. */
function compile(source: string): Compiled<Moment> | undefined {
  try {
    return scope.compile(source)
  } catch (fault) {
    assert.ok(fault instanceof ExpressionFault, String(fault))
    return undefined
  }
}

describe('an expression as SQL over events', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database?.drop())

  const check = async (given: readonly Fact[], sources: readonly string[], customer: string) => {
    const row = new RowBuffer()
    const moments = momentsOf(given, customer, row)
    await insertRows(database.client, eventsTable, [row.take()])
    const [arrivals, columns, results] = [new Columns('a'), new Columns('c'), new Columns('r')]
    const variables = eventVariablesSql(columns, arrivals)
    const compiled = sources.flatMap((source) => compile(source) ?? [])
    const named = compiled.map(({ tree }) => results.add(new SqlValues().toDyn(expressionToSql(tree, variables)).text))
    const from = `SELECT ${['*', ...arrivals.list].join(', ')} FROM events FINAL WHERE customer = ${quoteText(customer)}`
    const query = `
      SELECT ${results.list.join(', ') || '1'} FROM (
        SELECT ${['offset', ...columns.list].join(', ')} FROM (${from} WINDOW ${arrivalWindows.join(', ')})
        WINDOW ${arrivalWindows.join(', ')}
      ) ORDER BY offset`
    const rows = await database.select<Record<string, [number, number, string]>>(query)
    assert.equal(rows.length, moments.length)
    for (const [i, moment] of moments.entries()) {
      for (const [k, { evaluate, tree }] of compiled.entries()) {
        const [wanted, found] = [ofClosure(evaluate(moment)), ofQuery(rows[i]![named[k]!]!)]
        assert.deepEqual(found, wanted, `${tree.input} of ${JSON.stringify(given[i])}`)
      }
    }
    return compiled.length
  }

  it('reads what lies beside an integer of more than 64 bits, the integer, and what has an empty name', async () => {
    const value = { x: 9007199254740991, y: [123456789012345680000, 'a'], '': [[-(2 ** 63)]] }
    const properties = new Properties(['o', ''], [value, value])
    const fact = { type: 'view', value: 1, url: '', minutes: 0, bot: false, campaign: '' }
    const sources = ['properties.o.x', 'properties.o.y[0]', 'traits.o.y', 'properties[""].x', 'traits[""]']
    await check([{ ...fact, properties, traits: properties }], sources, 'pinned')
  })

  it('reads such integers also where an earlier version stored their digits alone', async () => {
    const value = {
      ',12345678901234567890,': [1e20, -1e20, 2 ** 64],
      n: -(2 ** 63),
      s: '"\\',
      t: ':12345678901234567890]',
      d: 1e-6 / 3,
    }
    const [row] = await database.select<{ text: string }>(
      `SELECT ${readable(quoteText(JSON.stringify(value)))} AS text`,
    )
    assert.equal(row?.text, toJsonText(value))
  })

  it('gives what the closure gives, for random expressions and events', async () => {
    let customers = 0
    let expressions = 0
    const given = fc.array(facts, { minLength: 1, maxLength: 12 })
    const property = fc.asyncProperty(
      given,
      fc.array(fc.oneof(cel.truth, cel.amount, cel.word, cel.any), { minLength: 15, maxLength: 30 }),
      async (events, sources) => {
        expressions += await check(events, sources, `c${customers++}`)
      },
    )
    await fc.assert(property, { numRuns: 12, endOnFailure: false })
    assert.ok(expressions > 80, `only ${expressions} expressions passed the check`)
  })
})

describe('an expression that has no SQL', () => {
  const cases: [source: string, message: RegExp][] = [
    [
      '{type: 1}.view == 1',
      /^\{type: 1\}: a map with keys that are computed, no texts, or there twice can't be said in SQL$/,
    ],
    ['size({"a": 1, "a": 2})', /: a map with keys that are/],
  ]
  for (const [source, message] of cases) {
    it(`is named: ${source}`, () => {
      const variables = eventVariablesSql(new Columns('c'), new Columns('a'))
      const translate = () => expressionToSql(scope.compile(source).tree, variables)
      assert.throws(translate, (fault: Error) => fault instanceof NotInSql && message.test(fault.message))
    })
  }
})
