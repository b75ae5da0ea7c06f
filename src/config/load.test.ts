import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { after, test } from 'node:test'
import { compileEngine } from '../engine.ts'
import { Event } from '../events/event.ts'
import { ConfigError } from './fault.ts'
import { loadConfig, readConfig } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-config-'))
after(() => rmSync(folder, { recursive: true }))

let folders = 0
/** Writes files into a folder of their own. @returns the path of the first */
function write(contents: Record<string, string>): string {
  const own = join(folder, String(folders++))
  mkdirSync(own)
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(own, name), text)
  return join(own, Object.keys(contents)[0]!)
}

const minimal = `
kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics:
  - { name: clicks, format: json }
`

/** `file:line path: message` of every fault. */
function faultsOf(contents: Record<string, string>, env: NodeJS.ProcessEnv = {}): string[] {
  const path = write(contents)
  try {
    compileEngine(readConfig(path, env))
  } catch (error) {
    assert(error instanceof ConfigError, String(error))
    return error.faults.map(({ file, line, path: key, message }) => {
      const name = file.startsWith(folder) ? relative(join(path, '..'), file) : file
      return `${name}:${line} ${key}: ${message}`
    })
  }
  return []
}

test('a minimal file is complete: every default is filled in', () => {
  const { config } = loadConfig(write({ 'beckon.yaml': minimal }), {})
  assert.equal(config.kafka.group, 'beckon')
  assert.equal(config.enrich.session.idle, 30 * 60_000)
  assert.equal(config.dedupe.window, 3_600_000)
  assert.deepEqual(config.arbitration, { emit: 'best', contact: { cooldownMs: 0, caps: [] } })
  assert.equal(config.output.actions, 'beckon.actions')
  assert.equal(
    JSON.stringify(config.arbitration),
    '{"emit":"best","contact":{"cooldownMs":0,"caps":[]}}',
    'as in rules of before',
  )
})

test('windows, durations and aggregates are read as declared', () => {
  const text = `${minimal}
features:
  - { name: a, count: {}, window: { size: 1h } }
  - { name: b, sum: properties.price, scale: 2, where: type == "purchase", window: { size: 24h, pane: 1h } }
  - { name: c, top: properties.category, k: 2, window: session }
actions:
  - { name: x, when: a > 3 && b > 10.5, contact: { cooldown: 1h 30m, caps: [{ max: 2, per: 7d }] }, expires: 2h }
`
  const { config } = loadConfig(write({ 'beckon.yaml': text }), {})
  assert.deepEqual(config.features, [
    { name: 'a', kind: { name: 'count' }, window: { kind: 'panes', sizeMs: 3_600_000, paneMs: 300_000 } },
    {
      name: 'b',
      kind: { name: 'sum', of: 'properties.price', scale: 2 },
      where: 'type == "purchase"',
      window: { kind: 'panes', sizeMs: 86_400_000, paneMs: 3_600_000 },
    },
    { name: 'c', kind: { name: 'top', of: 'properties.category', k: 2, max: 1000 }, window: { kind: 'session' } },
  ])
  assert.deepEqual(config.actions[0]!.contact, { cooldownMs: 5_400_000, caps: [{ max: 2, perMs: 604_800_000 }] })
  assert.equal(config.actions[0]!.expiresMs, 7_200_000)
})

test('all faults are reported at once, each with its file and line', () => {
  const text = `kafka: { brokers: [localhost] }
clickhouse: { url: "http://localhost:8123", databse: x }
topics:
  - { name: clicks, format: xml }
features:
  - { name: Views, count: {}, window: { size: 5m } }
  - { name: both, count: {}, sum: value, window: lifetime }
  - { name: uneven, count: {}, window: { size: 5m, pane: 2m } }
  - { name: many, count: {}, window: { size: 30d, pane: 1s } }
actions:
  - { name: a, when: x > 1, contact: { cooldown: soon } }
`
  assert.deepEqual(faultsOf({ 'beckon.yaml': text }), [
    'beckon.yaml:1 kafka.brokers.0: host:port, with a port of 1 to 65535',
    'beckon.yaml:2 clickhouse.databse: unknown key; did you mean database?',
    'beckon.yaml:4 topics.0.format: expected registry, wire, avro or json',
    'beckon.yaml:6 features.0.name: a name of lower-case letters, digits and _, at most 64 characters',
    'beckon.yaml:7 features.1: a feature has one of count, sum, avg, variance, stddev, min, max, first, last, last_n, distinct, top, most_frequent, least_frequent, quantile, rate, smoothed_rate, decayed_sum, time_since, time_since_first, active_days, funnel, sequence, value; found count and sum',
    'beckon.yaml:8 features.2.window: the size of a window is a multiple of its pane',
    'beckon.yaml:9 features.3.window: at most 1500 panes a window; this one has 2592000: take a larger pane',
    'beckon.yaml:11 actions.0.contact.cooldown: a duration such as 500ms, 30s, 5m, 24h or 7d',
  ])
})

test('windows and funnels are read with their defaults', () => {
  const text = `${minimal}
features:
  - { name: a, count: {}, window: { sliding: 10m }, lateness: 0s }
  - { name: b, count: {}, window: { sliding: 10m }, max_events: 50 }
  - { name: c, count: {}, window: { calendar: week } }
  - { name: d, count: {}, window: { calendar: day, timezone: customer } }
  - { name: e, last: type, window: { events: 20 } }
  - { name: f, funnel: [type == "view", type == "purchase"], within: 1h, window: lifetime, lateness: 5m }
`
  const { features } = loadConfig(write({ 'beckon.yaml': text }), {}).config
  const count = { name: 'count' }
  const steps = ['type == "view"', 'type == "purchase"']
  assert.deepEqual(features, [
    { name: 'a', kind: count, window: { kind: 'sliding', sizeMs: 600_000, maxEvents: 1000 }, latenessMs: 0 },
    { name: 'b', kind: count, window: { kind: 'sliding', sizeMs: 600_000, maxEvents: 50 } },
    { name: 'c', kind: count, window: { kind: 'calendar', period: 'week', timezone: 'UTC' } },
    { name: 'd', kind: count, window: { kind: 'calendar', period: 'day', timezone: 'customer' } },
    { name: 'e', kind: { name: 'last', of: 'type' }, window: { kind: 'events', count: 20 } },
    {
      name: 'f',
      kind: { name: 'funnel', steps, withinMs: 3_600_000, maxEvents: 1000 },
      window: { kind: 'lifetime' },
      latenessMs: 300_000,
    },
  ])
})

test('faults of windows and funnels are reported with their place', () => {
  const text = `${minimal}
features:
  - { name: a, count: {}, window: {} }
  - { name: b, count: {}, window: { size: 1h, events: 3 } }
  - { name: c, count: {}, window: { sliding: 0s } }
  - { name: d, count: {}, window: { calendar: day, timezone: Europe/Atlantis } }
  - { name: e, count: {}, window: { events: 3, timezone: UTC, pane: 1m } }
  - { name: f, funnel: [a, b], window: session }
  - { name: g, count: {}, within: 1h, window: lifetime }
  - { name: h, funnel: [a], within: 1h, window: lifetime }
  - { name: i, count: {}, window: { calendar: year } }
  - { name: j, count: {}, window: { slide: 10m } }
`
  const lines = faultsOf({ 'beckon.yaml': text }).map((fault) => fault.replace('beckon.yaml:', ''))
  assert.deepEqual(lines, [
    '8 features.0.window: a window is session, lifetime, or has one of size, sliding, calendar, events; found none',
    '9 features.1.window: a window is session, lifetime, or has one of size, sliding, calendar, events; found size and events',
    '10 features.2.window: a window is longer than 0',
    '11 features.3.window: Europe/Atlantis is not a timezone that Node and ClickHouse know: use a name such as Europe/Paris, or customer',
    '12 features.4.window: a pane is a part of a size',
    '12 features.4.window: only a calendar has a timezone',
    '13 features.5.within: missing',
    '13 features.5.window: a funnel looks at single events: its window is lifetime or { sliding: … }',
    '14 features.6.within: count takes no within, which belongs to funnel, sequence',
    '15 features.7.funnel: at least 2 items',
    '16 features.8.window.calendar: expected day, week or month',
    '17 features.9.window.slide: unknown key',
    '17 features.9.window: a window is session, lifetime, or has one of size, sliding, calendar, events; found none',
  ])
})

test('faults of expressions and names are reported with their line and the nearest name', () => {
  const text = `${minimal}
features:
  - { name: views_5m, count: {}, where: tipe == "view", window: { size: 5m } }
  - { name: url, count: {}, window: lifetime }
  - { name: size, count: {}, window: lifetime }
actions:
  - { name: a, when: vews_5m > 1 }
  - { name: a, when: views_5m > "x" }
`
  assert.deepEqual(faultsOf({ 'beckon.yaml': text }), [
    'beckon.yaml:13 actions.1.name: a is declared twice',
    "beckon.yaml:9 features.1.name: url is what expressions call the event's own",
    "beckon.yaml:10 features.2.name: size is a word of CEL's own",
    'beckon.yaml:8 features.0.where: Unknown variable: tipe; did you mean type?',
    'beckon.yaml:12 actions.0.when: Unknown variable: vews_5m; did you mean views_5m?',
    'beckon.yaml:13 actions.1.when: no such overload: int > string',
  ])
})

test('a fault in a step of a funnel names the step', () => {
  const funnel = (step: string) =>
    `${minimal}\nfeatures:\n  - { name: f, funnel: [type == "view", ${step}], within: 1h, window: lifetime }\n`
  assert.deepEqual(faultsOf({ 'beckon.yaml': funnel('tipe == "x"') }), [
    'beckon.yaml:8 features.0.funnel.1: Unknown variable: tipe; did you mean type?',
  ])
  assert.deepEqual(faultsOf({ 'beckon.yaml': funnel('time_ms + 1') }), [
    'beckon.yaml:8 features.0.funnel.1: the condition is of type int, not bool',
  ])
})

test('every kind is read with its options, and what a kind does not take or lacks is a fault', () => {
  const kindOf = (text: string) => {
    const path = write({ 'beckon.yaml': `${minimal}features: [{ name: a, ${text} }]\n` })
    const [feature] = loadConfig(path, {}).config.features
    return feature && 'kind' in feature ? feature.kind : feature
  }
  const lifetime = 'window: lifetime'
  const cases: [text: string, wanted: unknown][] = [
    [`count: {}, by: type, ${lifetime}`, { name: 'count', by: { key: 'type', max: 50 } }],
    [
      `sum: value, by: type, max_keys: 9, ${lifetime}`,
      { name: 'sum', of: 'value', scale: 4, by: { key: 'type', max: 9 } },
    ],
    [`stddev: value, scale: 0, ${lifetime}`, { name: 'stddev', of: 'value', scale: 0 }],
    [`last_n: type, ${lifetime}`, { name: 'last_n', of: 'type', n: 10 }],
    [`quantile: value, q: 0.95, ${lifetime}`, { name: 'quantile', of: 'value', q: 0.95, error: 0.01 }],
    ['rate: {}, per: 1m, window: { size: 1h }', { name: 'rate', perMs: 60_000, scale: 4 }],
    ['rate: value, per: 1h, window: { size: 1h }', { name: 'rate', of: 'value', perMs: 3_600_000, scale: 4 }],
    [`smoothed_rate: bot, prior: 0.05, ${lifetime}`, { name: 'smoothed_rate', of: 'bot', prior: 0.05, weight: 10 }],
    [`decayed_sum: value, half_life: 7d, ${lifetime}`, { name: 'decayed_sum', of: 'value', halfLifeMs: 604_800_000 }],
    [`active_days: {}, ${lifetime}`, { name: 'active_days' }],
    ['value: b / c', { name: 'a', value: 'b / c' }],
  ]
  for (const [text, wanted] of cases) assert.deepEqual(kindOf(text), wanted, text)

  const faulty: [text: string, ...faults: string[]][] = [
    [`decayed_sum: value, ${lifetime}`, 'half_life: missing'],
    [
      'decayed_sum: value, half_life: 1h, window: session',
      'window: decayed_sum forgets by its half_life: say lifetime',
    ],
    [`rate: {}, per: 1m, ${lifetime}`, 'window: a rate needs a window with a size'],
    ['rate: {}, per: 0s, window: { size: 1h }', 'per: a time longer than 0'],
    [`quantile: value, q: 1, ${lifetime}`, 'q: between 0 and 1'],
    [`quantile: value, ${lifetime}`, 'q: missing'],
    [`count: {}, max_events: 10001, window: { sliding: 1h }`, 'max_events: at most 10000'],
    [
      `sequence: [${Array(30).fill('bot')}], within: 1h, max_events: 1667, ${lifetime}`,
      'max_events: at most 1666 with so many steps',
    ],
    [`last_n: value, n: 101, ${lifetime}`, 'n: at most 100'],
    [`smoothed_rate: bot, ${lifetime}`, 'prior: missing'],
    [`smoothed_rate: type, prior: 0.1, ${lifetime}`, 'smoothed_rate: the condition is of type string, not bool'],
    [`count: {}, by: tipe, ${lifetime}`, 'by: Unknown variable: tipe; did you mean type?'],
    [`count: {}, max_keys: 5, ${lifetime}`, 'max_keys: max_keys needs by'],
    [`min: value, q: 0.5, ${lifetime}`, 'q: min takes no q, which belongs to quantile'],
    ['min: value', 'window: missing'],
    ['value: "1", where: bot', 'where: a feature with value takes no where: it is computed from other features'],
  ]
  for (const [text, ...faults] of faulty) {
    const wanted = faults.map((fault) => `beckon.yaml:7 features.0.${fault}`)
    assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}features:\n  - { name: a, ${text} }\n` }), wanted, text)
  }
})

test('features may be computed from each other, but not in a circle', () => {
  const text = `${minimal}
features:
  - { name: a, value: b + 1 }
  - { name: b, value: c + n }
  - { name: c, value: double(a) }
  - { name: d, value: d }
  - { name: e, value: a + type }
  - { name: n, count: {}, window: lifetime }
  - { name: f, value: n / 2 }
  - { name: traits, value: "1" }
actions:
  - { name: x, when: f > 1 && d != null }
`
  assert.deepEqual(faultsOf({ 'beckon.yaml': text }), [
    "beckon.yaml:15 features.7.name: traits is what expressions call the event's own",
    'beckon.yaml:12 features.4.value: type is of an event, and value is of features and traits',
    'beckon.yaml:8 features.0.value: computed from itself: a reads b reads c reads a',
    'beckon.yaml:9 features.1.value: computed from itself: b reads c reads a reads b',
    'beckon.yaml:10 features.2.value: computed from itself: c reads a reads b reads c',
    'beckon.yaml:11 features.3.value: computed from itself: d reads d',
  ])
})

test('a feature that reads a feature where there is the event alone is told so', () => {
  const why = 'is a feature, and this is of the event alone: features are read in value and when'
  const text = `${minimal}
features:
  - { name: cities, distinct: city, where: cities > 0, window: lifetime }
  - { name: spend_1y, sum: spend_1y, window: lifetime }
  - { name: steps, funnel: [bot, cities > 1], within: 1h, window: lifetime }
`
  assert.deepEqual(faultsOf({ 'beckon.yaml': text }), [
    `beckon.yaml:8 features.0.where: cities ${why}`,
    `beckon.yaml:9 features.1.sum: spend_1y ${why}`,
    `beckon.yaml:10 features.2.funnel.1: cities ${why}`,
  ])
})

test('a goal is declared by an event type or a condition, within a time, and its faults are reported', () => {
  const action = (goal: string) => `${minimal}
features: [{ name: n, count: {}, window: lifetime }]
actions:
  - { name: a, when: 'true'${goal === '' ? '' : `, goal: ${goal}`} }
`
  const config = (goal: string) => loadConfig(write({ 'beckon.yaml': action(goal) }), {}).config
  assert.equal('goal' in config('').actions[0]!, false, 'rules without one are as they were, to their hash')
  assert.deepEqual(config('{ when: Order Completed, within: 1d }').actions[0]!.goal, {
    when: 'type == "Order Completed"',
    withinMs: 86_400_000,
  })
  assert.deepEqual(config('{ when: url == "/x", within: 5m, value: properties.revenue }').actions[0]!.goal, {
    when: 'url == "/x"',
    withinMs: 300_000,
    value: 'properties.revenue',
  })
  const faults: [goal: string, fault: RegExp][] = [
    ['{ when: bought }', /^beckon.yaml:9 actions.0.goal.within: missing/],
    ['{ within: 1h }', /^beckon.yaml:9 actions.0.goal.when: missing/],
    ['{ when: bought, within: 0s }', /actions.0.goal.within: a time longer than 0/],
    ['{ when: n > 1, within: 1h }', /actions.0.goal.when: n is a feature, and this is of the event alone/],
    ['{ when: typ == "x", within: 1h }', /actions.0.goal.when: .*did you mean type\?/],
    ['{ when: url + "x", within: 1h }', /actions.0.goal.when: the expression is of type string, not bool/],
    ['{ when: bought, within: 1h, value: url }', /actions.0.goal.value: the expression is of type string, not double/],
    ['{ when: bought, within: 1h, worth: 3 }', /actions.0.goal.worth: unknown key/],
  ]
  for (const [goal, fault] of faults) assert.match(faultsOf({ 'beckon.yaml': action(goal) }).join(), fault)
})

test('a topic of outcomes may map an action, and no other topic', () => {
  const mapping = 'mapping: { customer: c, type: t, time: s, action_id: a.id, action: a.name }'
  const text = (role: string) => minimal.replace('format: json', `format: json, ${role}${mapping}`)
  assert.deepEqual(faultsOf({ 'beckon.yaml': text('role: outcomes, ') }), [])
  const why = 'only a topic with role: outcomes says of which action a record is'
  assert.deepEqual(
    faultsOf({ 'beckon.yaml': text('') }).map((fault) => fault.replace(/^beckon.yaml:\d+ /, '')),
    [`topics.0.mapping.action_id: ${why}`, `topics.0.mapping.action: ${why}`],
  )
})

test('a timer is declared by event types or conditions, and its faults are reported', () => {
  const action = (on: string, rest = 'when: n > 0') => `${minimal}
features: [{ name: n, count: {}, window: lifetime }]
actions:
  - { name: a, on: ${on}, ${rest} }
`
  const on = (text: string) => loadConfig(write({ 'beckon.yaml': action(text) }), {}).config.actions[0]!.on
  assert.equal(on('event'), undefined)
  assert.deepEqual(on('{ absent: Order Completed, after: add_to_cart, for: 1h 30m }'), {
    name: 'no Order Completed in 1h 30m after add_to_cart',
    absent: 'type == "Order Completed"',
    after: 'type == "add_to_cart"',
    forMs: 5_400_000,
  })
  assert.deepEqual(on(`{ absent: 'true', after: 'type in ["a", "b"] && bot', for: 1d }`), {
    name: 'no true in 1d after type in ["a", "b"] && bot',
    absent: 'true',
    after: 'type in ["a", "b"] && bot',
    forMs: 86_400_000,
  })
  const told = (...declared: Parameters<typeof action>) => faultsOf({ 'beckon.yaml': action(...declared) })
  // What a timer is called tells it from others: blanks of the condition do not, those of its texts do.
  const after = (text: string) => (on(`{ absent: x, after: '${text}', for: 1h }`) as { name: string }).name
  assert.equal(after('url  ==  "a b"'), 'no x in 1h after url == "a b"')
  assert.equal(after('url == "a  b"'), 'no x in 1h after url == "a  b"')
  assert.match(told('{ absent: a, for: 1h }')[0]!, /^beckon.yaml:9 actions.0.on.after: /)
  assert.match(told('{ absent: a, after: b, for: 0s }')[0]!, /^beckon.yaml:9 actions.0.on.for: a time longer than 0/)
  assert.deepEqual(told('{ absent: n > 1, after: value, for: 1h }'), [
    'beckon.yaml:9 actions.0.on.absent: n is a feature, and this is of the event alone: features are read in value and when',
  ])
  assert.deepEqual(told('{ absent: url, after: type == 3, for: 1h }').length, 1)
  const timer = '{ absent: a, after: b, for: 1h }'
  const hint = 'needs an event, and there is none when a timer fires: use features, traits and the session'
  assert.deepEqual(told(timer, 'when: n > 0 && url == "x", value: value, payload: { p: { cel: properties.q } }'), [
    `beckon.yaml:9 actions.0.when: url ${hint}`,
    `beckon.yaml:9 actions.0.value: value ${hint}`,
    `beckon.yaml:9 actions.0.payload.p: properties ${hint}`,
  ])
  const kept = 'when: n > 0 && traits.vip == true && session_index > 1 && customer != entry_page && session_events > 0'
  assert.deepEqual(told(timer, kept), [])
})

test('a condition that becomes true only reads what is known without an event, and the moment it turns can be told', () => {
  const action = (when: string) => `${minimal}
features:
  - { name: n, count: {}, window: { size: 1h } }
  - { name: idle, time_since: {}, window: lifetime }
  - { name: hot, decayed_sum: properties.x, half_life: 1h, window: lifetime }
  - { name: warmth, value: "hot * 2.0 + double(n)" }
  - { name: share, value: "n / 2" }
actions:
  - { name: a, on: becomes_true, when: ${when}, value: 2, payload: { idle: { cel: idle } } }
`
  const told = (when: string) => faultsOf({ 'beckon.yaml': action(when) })
  assert.deepEqual(told('n == 0 && share < 1 && traits.vip == true && session_index > 1'), [])
  const [rest, mend] = [
    'all the time, so there is no telling when it crosses a threshold: use',
    'on: { absent, after, for }, or features over windows',
  ]
  assert.deepEqual(told('n == 0 && idle > 60'), [`beckon.yaml:14 actions.0.when: idle changes ${rest} ${mend}`])
  assert.deepEqual(told('warmth < 1.0'), [
    `beckon.yaml:14 actions.0.when: warmth reads hot, which changes ${rest} ${mend}`,
  ])
  const hint = 'needs an event, and time alone may make the condition true: use features, traits and the session'
  assert.deepEqual(told('n == 0 && type == "x"'), [`beckon.yaml:14 actions.0.when: type ${hint}`])
})

test('included files are merged, keep their places, and may not contradict', () => {
  const files = {
    'beckon.yaml': `include: [features.yaml, actions.yaml]\n${minimal}`,
    'features.yaml': 'features:\n  - { name: n, count: {}, window: lifetime }\n',
    'actions.yaml': 'actions:\n  - { name: a, when: n > 0 }\n  - { name: b, when: m > 0 }\n',
  }
  assert.deepEqual(faultsOf(files), ['actions.yaml:3 actions.1.when: Unknown variable: m; did you mean n?'])
  assert.deepEqual(faultsOf({ ...files, 'actions.yaml': 'kafka: { brokers: ["x:1"] }\n' }), [
    `actions.yaml:1 kafka: the key is also in ${join(folder, String(folders - 1), 'beckon.yaml')}; keep it in one file`,
  ])
  assert.deepEqual(faultsOf({ 'beckon.yaml': 'include: beckon.yaml\n' }), [
    'beckon.yaml:1 include.0: the file includes itself',
  ])
})

test('broken YAML and missing files are faults, not stack traces', () => {
  assert.match(faultsOf({ 'beckon.yaml': 'kafka: [a\nb: c' })[0]!, /^beckon.yaml:\d /)
  const onward = "a value goes on after its closing quote or bracket: put the whole of it in ' '"
  for (const when of ['["a"] == ["b"]', '{ on: [a] } == x', '"a" in x && [y] == z', '"a", b']) {
    const slip = `${minimal}actions:\n  - name: a\n    when: ${when}\n    channel: email\n  - { name: b, when: x }\n`
    assert.deepEqual(faultsOf({ 'beckon.yaml': slip }), [`beckon.yaml:8 : ${onward}`], 'and what follows is no fault')
  }
  assert.deepEqual(faultsOf({ 'beckon.yaml': '' }), ['beckon.yaml:1 : the file holds no keys'])
  assert.throws(() => loadConfig(join(folder, 'none.yaml'), {}), /none.yaml: no such file; -c FILE/)
})

test('rules have a topic of their own', () => {
  const seen = faultsOf({ 'beckon.yaml': `${minimal}output: { journal: j, rules: j }\n` })
  assert.deepEqual(
    seen.map((fault) => fault.split(' ').slice(1).join(' ')),
    ['output.rules: the rules need a topic of their own'],
  )
})

test('an unknown key does not hide what else is wrong', () => {
  const text = `${minimal}
output: { acitons: a }
features:
  - { name: n, count: {}, whre: type == "x", window: lifetime }
  - { name: m, sum: properties.price, where: typ == "x", window: lifetime }
actions:
  - { name: a, when: n > 0, prioritty: 1 }
  - { name: b, when: k > 0 }
`
  const seen = faultsOf({ 'beckon.yaml': text })
  assert.deepEqual(
    seen.map((fault) => fault.split(' ')[1]),
    ['output.acitons:', 'features.0.whre:', 'actions.0.prioritty:', 'features.1.where:', 'actions.1.when:'],
    seen.join('\n'),
  )
})

test('aliases without an anchor, too many aliases, and unknown tags are faults with a place', () => {
  const ten = (item: string) => `[${Array(10).fill(item).join(', ')}]`
  const bomb = `a: &a ${ten('x')}\nb: &b ${ten('*a')}\nc: &c ${ten('*b')}\nd: ${ten('*c')}\n`
  const cases: readonly (readonly [string, string])[] = [
    [
      'features: *shared\n',
      'more.yaml:1 : this alias has no anchor before it: put a text that begins with * in quotes',
    ],
    [bomb, 'more.yaml:2 : too many aliases (at most 100, counting those inside what they refer to)'],
    ['ops: { log_level: !level debug }\n', 'more.yaml:1 : an unknown tag: put a text that begins with ! in quotes'],
  ]
  for (const [text, fault] of cases) {
    assert.deepEqual(faultsOf({ 'beckon.yaml': `include: more.yaml\n${minimal}`, 'more.yaml': text }), [fault])
  }
  const shared = `${minimal}dedupe: { window: &time 10m }\nenrich: { session: { idle: *time } }\n`
  assert.deepEqual(faultsOf({ 'beckon.yaml': shared }), [])
})

test('a key close to a known one is reported with that one, wherever it is', () => {
  const faults = faultsOf(
    {
      'beckon.yaml': `
kafka: { brokers: ["localhost:9092"], grup: g }
clickhouse: { url: "http://localhost:8123" }
topics:
  - name: clicks
    format: json
    mapping:
      customer: uid
      type: { feild: what }
      time: { field: at, unt: s }
      propertees: props
      typos: {}
features:
  - { name: a, count: {}, windw: session, window: session }
actions:
  - { name: b, when: "true", contact: { caps: [{ max: 1, per: 1d, pr: 2d }], cooldwn: 1h } }
arbitration: { emit: { tp: 1 } }
enrichment: {}
`,
    },
    { BECKON_OPS__PRT: '1' },
  )
  const hints = faults.flatMap(
    (fault) => /([^ ]+): unknown key; did you mean (.*)\?$/.exec(fault)?.slice(1).join(' → ') ?? [],
  )
  assert.deepEqual(hints.sort(), [
    'actions.0.contact.cooldwn → cooldown',
    'features.0.windw → window',
    'kafka.grup → group',
    'ops.prt → port',
    'topics.0.mapping.propertees → properties',
    'topics.0.mapping.time.unt → unit',
    'topics.0.mapping.type.feild → field',
    'topics.0.mapping.typos → types',
  ])
})

test('a value of the wrong kind is told with what is due there, and with the nearest name', () => {
  const topics = minimal.slice(minimal.indexOf('topics:'))
  const servers = minimal.replace(topics, '')
  const feature = (text: string) => `${minimal}features: [{ name: a, window: lifetime, ${text} }]\n`
  const action = (text: string) => `${minimal}actions: [{ name: a, when: bot, ${text} }]\n`
  const noUnit = 'a duration has a unit: 500ms, 30s, 5m, 24h or 7d'
  const noSuchUnit =
    'a duration such as 500ms, 30s, 5m, 24h or 7d; there are no weeks, months or years: say days, 365d for a year'
  const cases: [text: string, ...faults: string[]][] = [
    [action('contact: { cooldown: 12 }'), `contact.cooldown: ${noUnit}`],
    [action('on: { absent: a, after: b, for: 30 }'), `on.for: ${noUnit}`],
    [feature('count: {}, lateness: 1y'), `lateness: ${noSuchUnit}`],
    [feature('count: {}, lateness: 3M'), `lateness: ${noSuchUnit}`],
    [feature('count: {}, lateness: 2 weeks'), `lateness: ${noSuchUnit}`],
    [feature('count: {}, lateness: 30 min'), 'lateness: a duration such as 500ms, 30s, 5m, 24h or 7d'],
    [feature('count: {}').replace('lifetime', '30d'), 'window: expected session, lifetime or { size: … }'],
    [
      feature('count: {}').replace('lifetime', 'lifetme'),
      'window: expected session, lifetime or { size: … }; did you mean lifetime?',
    ],
    [feature('count: '), 'count: expected a text or {}, found nothing'],
    [feature('count: true'), 'count: expected a text or {}, found true'],
    [feature('count: ""'), 'count: at least 1 character'],
    [feature('sequence: [a, b], within: 1h, strict: soon'), 'strict: expected true or false, found a text'],
    [feature('last_n: type, n: 2.5'), 'n: expected a whole number, found a number'],
    [
      action('on: becoms_true'),
      'on: expected event, becomes_true or { absent: …, after: …, for: … }; did you mean becomes_true?',
    ],
    [`${minimal}arbitration: { emit: bst }\n`, 'emit: expected best, all or { top: … }; did you mean best?'],
    [
      `${minimal}arbitration: { emit: all, slots: { hero: 1 } }\n`,
      'emit: slots say how many actions go out; leave one of the two out',
    ],
    [`${minimal}arbitration: { explore: { epsilon: 5 } }\n`, 'explore.epsilon: from 0 to 1, or 0 % to 100 %'],
    [`${minimal}holdout: { share: a few, salt: x }\n`, 'holdout.share: a share such as 0.05 or 5 %'],
    [action('treatments: [{ name: x }, { name: x }]'), 'treatments.1.name: x is declared twice'],
    [minimal.replace('json', 'jsn'), 'format: expected registry, wire, avro or json; did you mean json?'],
    [`${servers}topics: [hotel.events]\n`, 'topics.0: expected { name: … }, found a text'],
    [`${servers}topics: hotel.events\n`, 'topics: expected a list in [ ], found a text'],
    [`${minimal}enrich: true\n`, 'enrich: expected { user_agent: … }, found true'],
    [minimal.replace('["localhost:9092"]', 'localhost'), 'kafka.brokers: expected a list in [ ], found a text'],
    [
      action('contact: { caps: [{ max: 0, per: 1d }] }'),
      'contact.caps.0.max: at least 1: to have an action never, take it out',
    ],
    [action('payload: { p: [1] }'), 'payload.p: expected a text, a number, true, false or { cel: … }, found a list'],
  ]
  for (const [text, ...told] of cases) {
    const seen = faultsOf({ 'beckon.yaml': text })
    assert.deepEqual(
      seen.map((fault) => fault.replace(/^beckon\.yaml:\d+ ((features|actions|topics)\.0\.|arbitration\.)?/, '')),
      told.map((fault) => fault.replace(/^topics\.0\./, '')),
      text,
    )
  }
})

test('what YAML takes otherwise than it was meant is told with the quotes that it needs', () => {
  const when = (text: string) => `${minimal}actions:\n  - name: a\n    when: ${text}\n`
  const inBraces = (text: string) => `${minimal}actions: [{ name: a, when: ${text} }]\n`
  const colon = 'a map begins within a value: put a text that has ": " in quotes, or mind the indentation'
  const end = "a value goes on after its closing quote or bracket: put the whole of it in ' '"
  const comment =
    'a text without its closing quote; in YAML a # after a blank begins a comment: put the expression in quotes'
  const cases: [text: string, fault: string][] = [
    [when('type == "Complaint: Filed"'), `8 : ${colon}`],
    [inBraces('type == "Complaint: Filed"'), `6 : ${colon}`],
    [when('"Complaint" == type'), `8 : ${end}`],
    [inBraces('"Complaint" == type'), `6 : ${end}`],
    [when('[1] == properties.x'), `8 : ${end}`],
    [when('type == "Complaint #1"'), `8 actions.0.when: ${comment}`],
    [`${minimal}ops: { port: 1000 }\nops: { port: 1001 }\n`, '7 : this key stands twice in its map: take one out'],
  ]
  for (const [text, fault] of cases) assert.equal(faultsOf({ 'beckon.yaml': text })[0], `beckon.yaml:${fault}`, text)
})

test('a known key in the wrong map is told where it belongs', () => {
  const action = (text: string) => `${minimal}actions: [{ name: a, when: bot, ${text} }]\n`
  const cases: [text: string, fault: string][] = [
    [action('cooldown: 12h'), '6 actions.0.cooldown: unknown key; it belongs in contact'],
    [action('absent: x'), '6 actions.0.absent: unknown key; it belongs in on'],
    [
      `${minimal}features: [{ name: a, count: {}, size: 1h, window: session }]\n`,
      '6 features.0.size: unknown key; it belongs in window',
    ],
    [`${minimal}brokers: [a]\n`, '6 brokers: unknown key; it belongs in kafka'],
    [`${minimal}url: x\n`, '6 url: unknown key; it belongs in clickhouse or registry'],
  ]
  for (const [text, fault] of cases) assert.deepEqual(faultsOf({ 'beckon.yaml': text }), [`beckon.yaml:${fault}`], text)
})

test('keys that are special in JavaScript are unknown keys like any other', () => {
  assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}constructor: 1\ntoString: [2]\nops: { valueOf: 3 }\n` }), [
    'beckon.yaml:8 ops.valueOf: unknown key',
    'beckon.yaml:6 constructor: unknown key',
    'beckon.yaml:7 toString: unknown key',
  ])
  const payload = 'actions: [{ name: a, when: "true", payload: { __proto__: { cel: "1" } } }]'
  assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}${payload}\n` }), [
    'beckon.yaml:6 : no key can be called __proto__',
  ])
  assert.deepEqual(faultsOf({ 'beckon.yaml': minimal }, { BECKON_CONSTRUCTOR__X: '1', BECKON_OPS__TOSTRING: '1' }), [
    'environment variable BECKON_OPS__TOSTRING:0 ops.tostring: unknown key',
    'environment variable BECKON_CONSTRUCTOR__X:0 constructor: unknown key',
  ])
})

test('a comma within braces gets a hint', () => {
  const feature = (where: string) => `features: [{ name: n, count: {}, ${where}, window: session }]`
  assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}${feature('where: type == "x", b')}\n` }), [
    'beckon.yaml:6 features.0: a key without a value; within { } a comma ends a value: put a value that has one in quotes',
  ])
  assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}${feature('b: 1')}\n` }), [
    'beckon.yaml:6 features.0.b: unknown key',
  ])
})

test('a file that can not be read is a fault', () => {
  const kafka = '{ brokers: ["localhost:9092"], tls: { ca_file: missing.pem } }'
  const [fault] = faultsOf({ 'beckon.yaml': minimal.replace('{ brokers: ["localhost:9092"] }', kafka) })
  assert.match(fault!, /^beckon.yaml:2 kafka.tls.ca_file: can't read .*missing.pem$/)
})

test('a setting from the environment is a text where the schema wants one, and a fault if it is not YAML', () => {
  const path = write({ 'beckon.yaml': minimal })
  for (const text of ['007', '1e3', 'true', 'null', '[a]', 'a b', '2026-01-01']) {
    assert.equal(loadConfig(path, { BECKON_KAFKA__GROUP: text }).config.kafka.group, text)
  }
  for (const text of ['{x', '*x', 'a: b: c', '[1', '!x y']) {
    const [fault, ...more] = faultsOf({ 'beckon.yaml': minimal }, { BECKON_KAFKA__GROUP: text })
    assert.match(fault!, /^environment variable BECKON_KAFKA__GROUP:0 kafka.group: no YAML: /)
    assert.deepEqual(more, [])
  }
})

test('the environment overrides the file, and its faults name the variable', () => {
  const path = write({ 'beckon.yaml': minimal })
  const env = {
    BECKON_KAFKA__BROKERS: 'a:1, b:2',
    BECKON_CLICKHOUSE__PASSWORD: '0123',
    BECKON_SLICE__MAX_EVENTS: '77',
    BECKON_CACHE: '/elsewhere',
    BECKON_TEST_KAFKA: 'c:3',
  }
  const { config } = loadConfig(path, env)
  assert.deepEqual(config.kafka.brokers, ['a:1', 'b:2'])
  assert.equal(config.clickhouse.password, '0123')
  assert.equal(config.slice.max_events, 77)
  assert.deepEqual(faultsOf({ 'beckon.yaml': minimal }, { BECKON_OPS__PORT: 'high' }), [
    'environment variable BECKON_OPS__PORT:0 ops.port: expected a number, found a text',
  ])
})

test('a password comes from a file, and is never in a message', () => {
  const path = write({ 'beckon.yaml': minimal.replace('8123"', '8123", password_file: secret'), secret: 'hunter2\n' })
  assert.equal(loadConfig(path, {}).config.clickhouse.password, 'hunter2')
  const missing = faultsOf({ 'beckon.yaml': minimal.replace('8123"', '8123", password_file: none') })
  assert.match(missing[0]!, /^beckon.yaml:3 clickhouse.password_file: can't read /)
})

test('a certificate authority is a file relative to the one that names it', () => {
  const withCa = minimal.replace('8123"', '8123", tls: { ca_file: ca.pem }')
  const path = write({ 'beckon.yaml': withCa, 'ca.pem': 'PEM' })
  assert.equal(loadConfig(path, {}).config.clickhouse.tls?.ca_file, join(dirname(path), 'ca.pem'))
  assert.match(
    faultsOf({ 'beckon.yaml': withCa.replace('ca.pem', 'none.pem') })[0]!,
    /^beckon.yaml:3 clickhouse.tls.ca_file: can't/,
  )
})

test('credentials in a URL are taken out of it', () => {
  const load = (url: string) =>
    loadConfig(write({ 'beckon.yaml': minimal.replace('http://localhost:8123', url) }), {}).config.clickhouse
  const { url, username, password } = load('http://ada:p%40ss@localhost:8123')
  assert.deepEqual([url, username, password], ['http://localhost:8123', 'ada', 'p@ss'])
  assert.equal(load('http://ada@localhost:8123').password, '')
  assert.equal(load('http://ada:50%@localhost:8123').password, '50%')
  const [fault] = faultsOf({ 'beckon.yaml': minimal.replace('http://localhost:8123', 'ada:secret@localhost:8123') })
  assert.match(fault!, /^beckon.yaml:3 clickhouse.url: a URL that begins with http/)
})

test('a topic whose tombstones erase has the customer as its key', () => {
  const topic = (keys: string) =>
    `
kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics:
  - name: events
    format: json
    tombstones: erase
${keys}`
  assert.deepEqual(faultsOf({ 'beckon.yaml': topic('    key: customer\n') }), [])
  assert.deepEqual(faultsOf({ 'beckon.yaml': topic('') }), [
    'beckon.yaml:7 topics.0.tombstones: erase needs key: customer, since it is the key that says who is erased',
  ])
})

test('a foreign topic needs its schema, and its mapping must say who, what and when', () => {
  const schema = JSON.stringify({
    type: 'record',
    name: 'R',
    fields: [
      { name: 'user', type: 'string' },
      { name: 'what', type: 'string' },
      { name: 'at', type: 'long' },
    ],
  })
  const topic = (mapping: string) => `
kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics:
  - name: foreign
    format: avro
    schema: r.avsc
    mapping: ${mapping}
`
  const good = '{ customer: user, type: { cel: "record.what" }, time: { field: at, unit: s } }'
  assert.deepEqual(faultsOf({ 'beckon.yaml': topic(good), 'r.avsc': schema }), [])
  assert.match(faultsOf({ 'beckon.yaml': topic(good) })[0]!, /^beckon.yaml:7 topics.0.schema: can't read /)
  assert.deepEqual(faultsOf({ 'beckon.yaml': topic('{ customer: usr, type: what, time: at }'), 'r.avsc': schema }), [
    'beckon.yaml:8 topics.0.mapping.customer: the schema has no field for what an event must have: customer, from usr',
  ])
  assert.deepEqual(
    faultsOf({ 'beckon.yaml': topic('{ customer: user, type: what, time: at, value: what }'), 'r.avsc': schema }),
    [
      'beckon.yaml:8 topics.0.mapping.value: a field of the schema has another type than the mapping needs: value, from what',
    ],
  )
  assert.deepEqual(
    faultsOf({
      'beckon.yaml': topic('{ customer: user, type: what, time: at, value: { constant: ten } }'),
      'r.avsc': schema,
    }),
    ['beckon.yaml:8 topics.0.mapping.value: a value has another type than its field: value, from a constant'],
  )
  assert.match(
    faultsOf({ 'beckon.yaml': topic(good.replace('.what', '.what +')), 'r.avsc': schema })[0]!,
    /^beckon.yaml:8 topics.0.mapping.type.cel: /,
  )
})

test('what a mapping names but the schema file lacks is reported, with what the file has', () => {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'user', type: 'string' },
      { name: 'what', type: ['null', { type: 'enum', name: 'What', symbols: ['view', 'buy'] }] },
      { name: 'at', type: 'long' },
      { name: 'props', type: { type: 'map', values: 'string' } },
      {
        name: 'page',
        type: { type: 'record', name: 'Page', fields: [{ name: 'url', type: 'string', aliases: ['href'] }] },
      },
    ],
  }
  const of = (mapping: string, format = 'avro') =>
    faultsOf({
      'beckon.yaml': `
kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics:
  - name: foreign
    format: ${format}
    schema: r.avsc
    mapping: { customer: user, type: what, time: at, ${mapping} }
`,
      'r.avsc': JSON.stringify(schema),
    }).map((fault) => fault.replace('beckon.yaml:8 topics.0.mapping.', ''))
  const good =
    'properties: props, url: [link, page.href], title: props.title, channel: { constant: web }, types: { buy: purchase }'
  assert.deepEqual(of(good), [])
  assert.deepEqual(of('properties: prop, url: page.ur, referrer: [ref, from], types: { bui: purchase, sold: sale }'), [
    'properties: the schema has no field prop; did you mean props?',
    'url: the schema has no field page.ur; did you mean page.url?',
    'referrer: the schema has no field ref or from',
    'types.bui: the schema knows no type bui; did you mean buy?',
    'types.sold: the schema knows no type sold',
  ])
  assert.deepEqual(of('title: what, types: { bui: purchase }'), [
    'types.bui: the schema knows no type bui; did you mean buy?',
  ])
  // Records of JSON may have what the schema has not.
  assert.deepEqual(of('properties: prop, types: { bui: purchase }', 'json'), [])
})

test('the key and the timestamp of a record can only be mapped to what they can be', () => {
  const of = (mapping: string) =>
    faultsOf({
      'beckon.yaml': `
kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics:
  - name: foreign
    format: json
    mapping: ${mapping}
`,
    }).map((fault) => fault.replace(/^beckon.yaml:7 topics.0.mapping./, '').replace(/: .*/, ''))
  assert.deepEqual(of('{ customer: $key, type: [kind, $key], time: { field: [at, $timestamp], unit: s } }'), [])
  assert.deepEqual(of('{ anonymous_id: $key, type: kind, time: $timestamp, received_at: $timestamp }'), [])
  assert.deepEqual(of('{ customer: $timestamp, type: { field: [kind, $timestamp] }, time: [$key, at], value: $key }'), [
    'customer',
    'type',
    'time',
    'value',
  ])
  assert.deepEqual(of('{ customer: $key, type: kind, time: at, properties: $key, traits: $timestamp }'), [
    'properties',
    'traits',
  ])
})

test('a mapping says who, what and when, in JSON too, and may name several paths', () => {
  const topic = (mapping: string) => minimal.replace('format: json }', `format: json, mapping: ${mapping} }`)
  const faults = faultsOf({ 'beckon.yaml': topic('{ url: page }') })
  for (const [i, key] of ['customer', 'type', 'time'].entries()) {
    assert.match(faults[i]!, new RegExp(`^beckon.yaml:5 topics.0.mapping.${key}: missing: say ${key}: FIELD`))
  }
  assert.equal(faults.length, 3)
  const several =
    '{ customer: [user, id], type: { field: [what, kind] }, time: { field: [at, on], unit: s }, value: [a, b.c] }'
  const { decoders } = compileEngine(loadConfig(write({ 'beckon.yaml': topic(several) }), {}))
  const event = decoders.get('clicks')!.decode(Buffer.from('{"id":"u","kind":"x","on":1740823200,"b":{"c":2}}'), 0)
  assert.ok(event instanceof Event)
  assert.deepEqual([event.customer, event.type, event.timeMs, event.value], ['u', 'x', 1740823200_000, 2])
  assert.deepEqual(faultsOf({ 'beckon.yaml': topic('{ anonymous_id: a, type: b, time: c }') }), [])
  assert.equal(faultsOf({ 'beckon.yaml': topic('{ customer: [], type: b, time: c }') }).length, 1)
})

test('an alias inside its own anchor is a fault', () => {
  assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}actions: &all [*all]\n` }), [
    'beckon.yaml:6 : this alias is inside its own anchor',
  ])
})

test('no message repeats a part of a password, whatever YAML takes it for', () => {
  const secret = 'S3cret'
  const texts = [
    `password: ab,${secret}`,
    `password: *${secret}`,
    `password: !${secret}`,
    `password: "a\\${secret}"`,
    `password: "ab"${secret}`,
    `password: |${secret}`,
    `password: @${secret}`,
    `password: %${secret}`,
    `password: [${secret}`,
    `password: ab, ${secret}: x, ${secret}: y`,
  ]
  for (const text of texts) {
    const sasl = `{ mechanism: plain, username: u, ${text} }`
    const seen = faultsOf({ 'beckon.yaml': minimal.replace('] }', `], sasl: ${sasl} }`) })
    assert.notEqual(seen.length, 0, text)
    if (!text.includes(': x')) assert(!seen.join().includes(secret.slice(1)), `${text}\n${seen.join('\n')}`)
    const ofVariable = faultsOf({ 'beckon.yaml': minimal }, { BECKON_KAFKA__SASL: sasl })
    assert.notEqual(ofVariable.length, 0, text)
    if (!text.includes(': x')) assert(!ofVariable.join().includes(secret.slice(1)), `${text}\n${ofVariable.join('\n')}`)
  }
})

test('a variable changes only the section that it names, even if an alias shares it with another', () => {
  const text = `${minimal.replace('"http://localhost:8123" }', '"https://localhost:8123", tls: &tls { ca_file: a.pem } }')}
registry: { url: "https://localhost:8081", tls: *tls }
`
  const path = write({ 'beckon.yaml': text, 'a.pem': 'a', 'b.pem': 'b' })
  const { config } = loadConfig(path, { BECKON_CLICKHOUSE__TLS__CA_FILE: 'b.pem' })
  assert.match(config.clickhouse.tls!.ca_file, /b\.pem$/)
  assert.match(config.registry!.tls!.ca_file, /a\.pem$/)
})

test('gates: a name that no action has, an unknown kind, a name twice, an expression that is none', () => {
  const gates = `actions:
  - { name: offer, when: "true", tags: [sales] }
gates:
  - { name: calm, kind: suitable, of: { tags: [sale] }, allow: "true" }
  - { name: calm, kind: suitable, of: { actions: [offer] }, allow: propertis.x > 0 }
`
  assert.deepEqual(faultsOf({ 'beckon.yaml': `${minimal}${gates}` }), [
    'beckon.yaml:10 gates.1.name: calm is declared twice',
    'beckon.yaml:9 gates.0.of.tags.0: no action has the tag sale; did you mean sales?',
    'beckon.yaml:10 gates.1.allow: Unknown variable: propertis; did you mean properties?',
  ])
  const kind = 'gates: [{ name: calm, kind: suitble, allow: "true" }]\n'
  assert.deepEqual(faultsOf({ 'beckon.yaml': minimal + kind }), [
    'beckon.yaml:6 gates.0.kind: expected eligible, applicable or suitable; did you mean suitable?',
  ])
})

test('names declared twice, a variable for a part of a list, and values out of all bounds are each reported as such', () => {
  const twice =
    '\nfeatures:\n  - { name: q, count: {}, window: lifetime }\n  - { name: q, count: {}, window: session }\n'
  assert.deepEqual(faultsOf({ 'beckon.yaml': minimal + twice }), ['beckon.yaml:9 features.1.name: q is declared twice'])
  assert.match(
    faultsOf({ 'beckon.yaml': minimal }, { BECKON_TOPICS__0__NAME: 'x' })[0]!,
    /^environment variable BECKON_TOPICS__0__NAME/,
  )
  const action = (more: string) => `${minimal}actions: [{ name: a, when: "true", ${more} }]\n`
  assert.match(faultsOf({ 'beckon.yaml': action('expires: 999999999999d') })[0]!, /at most 36525d/)
  assert.match(faultsOf({ 'beckon.yaml': minimal.replace(':9092', ':999999') })[0]!, /1 to 65535/)
  const foreign = '{ name: clicks, format: avro, mapping: { customer: a, type: b, time: c } }'
  assert.deepEqual(faultsOf({ 'beckon.yaml': minimal.replace(/\{ name: clicks.*\}/, foreign) }), [
    'beckon.yaml:5 topics.0.schema: a foreign topic of format avro needs a schema file',
  ])
  const constant = '{ name: clicks, format: json, mapping: { customer: a, type: { constant: true }, time: c } }'
  assert.deepEqual(faultsOf({ 'beckon.yaml': minimal.replace(/\{ name: clicks.*\}/, constant) }).length, 1)
  assert.match(faultsOf({ 'beckon.yaml': `%YAML 1.1\n---\n${minimal}ops: { <<: 5 }\n` })[0]!, /^beckon.yaml:1 /)
})
