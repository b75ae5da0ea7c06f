import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { compileEngine } from '../../engine.ts'
import { settingsOf } from '../../fold-settings.ts'
import { type Changes, compare } from './compare.ts'
import { changesJson, formatChanges } from './format.ts'
import { definitionsOf } from './version.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-changes-'))
after(() => rmSync(folder, { recursive: true }))

const views = '{ name: views, count: {}, where: type == "view", window: { size: 1h } }'
const call = '{ name: call, when: views > 3 }'

interface Parts {
  readonly features?: readonly string[]
  readonly actions?: readonly string[]
  readonly topics?: string
  /** Other sections, as YAML. */
  readonly rest?: string
}

function open({ features = [views], actions = [call], topics = '[{ name: clicks, format: json }]', rest = '' }: Parts) {
  const file = join(folder, 'beckon.yaml')
  const list = (items: readonly string[]) => items.map((item) => `\n  - ${item}`).join('') || ' []'
  writeFileSync(
    file,
    `kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: ${topics}
features:${list(features)}
actions:${list(actions)}
${rest}`,
  )
  const engine = compileEngine(loadConfig(file, {}))
  return { ...engine, settings: settingsOf(engine.config) }
}

const changesOf = (before: Parts, after: Parts): Changes => compare(open(before), open(after))
/** `name change` of each definition, with what it was called and what becomes of its state. */
const told = ({ definitions }: Changes) =>
  definitions.map(({ name, change, was, carryOver }) =>
    [name, change, ...(change === 'renamed' ? [was?.name] : []), ...(carryOver ? [carryOver] : [])].join(' '),
  )

test('a version is of what is declared, not of the name, the order of keys, or the way to write it', () => {
  const versions = (parts: Parts) => definitionsOf(open(parts).rules).map(({ version }) => version)
  const [feature, action] = versions({})
  assert.match(feature!, /^[0-9a-f]{12}$/)
  const same = {
    features: ['{ window: { pane: 300s, size: 60m }, where: \'type == "view"\', count: {}, name: seen } # how often'],
    actions: ['{ name: ring, value: 1, when: "seen > 3" }'],
  }
  assert.equal(versions(same)[0], feature)
  assert.notEqual(versions(same)[1], action, 'it reads another name')
  assert.equal(versions({ actions: ['{ value: 1, when: views > 3, name: ring }'] })[1], action)
  assert.notEqual(versions({ features: [views.replace('1h', '2h')] })[0], feature)
  assert.notEqual(versions({ features: [views.replace('view"', 'cart"')] })[0], feature)
})

test('the gap of sessions is part of the version of features over a session, and of no other', () => {
  const features = [views, '{ name: pages, count: {}, window: session }']
  const changes = changesOf({ features }, { features, rest: 'enrich: { session: { idle: 10m } }' })
  assert.deepEqual(told(changes), ['views unchanged kept', 'pages changed from_events', 'call unchanged'])
  assert.deepEqual(changes.settings, [{ key: 'enrich.session.idle', from: 1_800_000, to: 600_000 }])
})

test('the same rules: nothing changes, in whatever order they stand', () => {
  const features = [views, '{ name: carts, count: {}, window: lifetime }']
  const changes = changesOf({ features }, { features: features.toReversed() })
  assert.deepEqual(told(changes), ['carts unchanged kept', 'views unchanged kept', 'call unchanged'])
  assert.deepEqual(formatChanges(changes).notes, ['nothing changes'])
})

test('new, changed, renamed and removed definitions are told, with what becomes of their state', () => {
  const changes = changesOf(
    {
      features: [views, '{ name: carts, count: {}, window: lifetime }', '{ name: old, count: {}, window: session }'],
      actions: [call, '{ name: mail, when: "true", contact: { cooldown: 1h } }', '{ name: chat, when: views > 1 }'],
    },
    {
      features: [
        views.replace('1h', '2h, pane: 5m'),
        '{ name: baskets, count: {}, window: lifetime }',
        '{ name: spend, sum: properties.price, window: { size: 1d } }',
        '{ name: ratio, value: spend / 2.0 }',
      ],
      actions: [call.replace('3', '4'), '{ name: letter, when: "true", contact: { cooldown: 1h } }'],
    },
  )
  assert.deepEqual(told(changes), [
    'views changed from_events',
    'baskets renamed carts kept',
    'spend new from_events',
    'ratio new computed',
    'old removed',
    'call changed',
    'letter renamed mail',
    'chat removed',
  ])
  assert.deepEqual(changes.warnings, [
    { action: 'call', feature: 'views', state: 'from_events' },
    { action: 'letter', wasNamed: 'mail' },
  ])
})

test('names that are swapped are two changes, and keep what each now counts', () => {
  const carts = views.replaceAll('view', 'cart')
  const swapped = [views.replace('name: views', 'name: carts'), carts.replace('name: carts', 'name: views')]
  assert.deepEqual(told(changesOf({ features: [views, carts] }, { features: swapped })).slice(0, 2), [
    'carts changed kept',
    'views changed kept',
  ])
})

test('an action is warned of what its condition or value reads through computed features, not of its payload', () => {
  const features = [
    '{ name: spend, sum: properties.price, window: { size: 1d } }',
    '{ name: half, value: spend / 2.0 }',
    '{ name: quarter, value: half / 2.0 }',
  ]
  const actions = [
    '{ name: by_value, when: "true", value: quarter + 0.0 }',
    '{ name: by_payload, when: views > 1, payload: { spend: { cel: spend } } }',
    '{ name: by_condition, when: half > 3.0 }',
  ]
  const { warnings } = changesOf({}, { features: [views, ...features], actions })
  assert.deepEqual(warnings, [
    { action: 'by_condition', feature: 'spend', state: 'from_events', through: ['half'] },
    { action: 'by_value', feature: 'spend', state: 'from_events', through: ['quarter'] },
  ])
})

test('an unchanged computed feature is not ready before what it reads is, and a warning tells through which one', () => {
  const features = (size: string) => [
    `{ name: spend, sum: value, window: { size: ${size} } }`,
    '{ name: half, value: spend / 2.0 }',
    '{ name: mean, value: half / double(views) }',
    '{ name: twice, value: views * 2 }',
    views,
  ]
  const actions = ['{ name: direct, when: spend > half }', '{ name: by_two, when: mean > half && twice > 1 }']
  const changes = changesOf({ features: features('1d'), actions }, { features: features('2d'), actions })
  const { table, notes } = formatChanges(changes)
  const waits = 'is computed, and not ready before spend is'
  assert.deepEqual(
    table.map(([, name, change, , state]) => [name, change, state]),
    [
      ['spend', 'changed', 'is computed from the events, and not ready until then'],
      ['half', 'unchanged', waits],
      ['mean', 'unchanged', waits],
      ['twice', 'unchanged', ''],
      ['views', 'unchanged', ''],
      ['direct', 'unchanged', ''],
      ['by_two', 'unchanged', ''],
    ],
  )
  assert.deepEqual(notes, [
    'warning: by_two reads spend through half and mean, and is not decided for a customer before that is ready',
    'warning: direct reads spend, and is not decided for a customer before that is ready',
  ])
  const json = changesJson(changes) as { changes: { waits_for?: string[] }[] }
  assert.deepEqual(
    json.changes.slice(0, 4).map((one) => one.waits_for),
    [undefined, ['spend'], ['spend'], undefined],
  )
})

test('limits that look back further than what the ones before kept are warned of, of an action and over all', () => {
  const action = (contact = '') => ({
    actions: [`{ name: promo, when: views > 3${contact && `, contact: ${contact}`} }`],
  })
  const cap = (max: number, per: string) => `{ max: ${max}, per: ${per} }`
  const caps = (...of: readonly string[]) => `{ caps: [${of.join(', ')}] }`
  const cases: readonly (readonly [before: string, after: string, contacts?: { known: number; needed: number }])[] = [
    ['', '{ cooldown: 30d }', { known: 0, needed: 1 }],
    ['', caps(cap(3, '7d')), { known: 0, needed: 3 }],
    [caps(cap(1, '1h')), caps(cap(3, '7d')), { known: 1, needed: 3 }],
    [caps(cap(2, '1h'), cap(5, '2d')), caps(cap(6, '2d')), { known: 5, needed: 6 }],
    ['{ cooldown: 1h }', `{ cooldown: 1h, caps: [${cap(2, '1d')}] }`, { known: 1, needed: 2 }],
    // The times are kept, however long ago they are.
    ['{ cooldown: 1h }', '{ cooldown: 30d }'],
    ['{ cooldown: 1h }', caps(cap(1, '30d'))],
    [caps(cap(3, '1h')), caps(cap(3, '30d'), cap(2, '1h'))],
    [caps(cap(3, '1h')), '{ cooldown: 30d }'],
    ['{ cooldown: 1h }', ''],
    ['', ''],
  ]
  for (const [before, after, contacts] of cases) {
    const ofAction = changesOf(action(before), action(after)).warnings
    assert.deepEqual(ofAction, contacts ? [{ action: 'promo', contacts }] : [], `${before} -> ${after}`)
    const all = (contact: string) => ({ rest: contact && `arbitration: { contact: ${contact} }` })
    const ofAll = changesOf(all(before), all(after)).warnings
    assert.deepEqual(ofAll, contacts ? [{ setting: 'arbitration.contact', contacts }] : [], `${before} -> ${after}`)
  }
  const limited = action('{ cooldown: 1h }')
  assert.deepEqual(changesOf({ actions: [] }, limited).warnings, [], 'of what is new nothing was sent')
  const renamed = changesOf({ actions: [limited.actions[0]!.replace('promo', 'offer')] }, limited)
  assert.deepEqual(renamed.warnings, [{ action: 'promo', wasNamed: 'offer' }])
})

test('what is known of what was sent before is told in a sentence, and in JSON', () => {
  const rules = (promo: string, tip: string, all: string) => ({
    actions: [`{ name: promo, when: "true", contact: ${promo} }`, `{ name: tip, when: "true", contact: ${tip} }`],
    rest: `arbitration: { contact: ${all} }`,
  })
  const changes = changesOf(
    rules('{ caps: [{ max: 1, per: 1h }] }', '{}', '{ caps: [{ max: 2, per: 1h }] }'),
    rules('{ caps: [{ max: 3, per: 7d }] }', '{ cooldown: 30d }', '{ caps: [{ max: 4, per: 7d }] }'),
  )
  assert.deepEqual(
    formatChanges(changes).notes.filter((note) => note.startsWith('warning')),
    [
      'warning: the cool-down and caps of promo count from now on: of what was sent before, only the last is known',
      'warning: the cool-down and caps of tip count from now on: of what was sent before, nothing is known',
      'warning: the cool-down and caps over all actions count from now on: of what was sent before, only the last 2 are known',
    ],
  )
  assert.deepEqual((changesJson(changes) as { warnings: object[] }).warnings, [
    { action: 'promo', contacts: { known: 1, needed: 3 } },
    { action: 'tip', contacts: { known: 0, needed: 1 } },
    { setting: 'arbitration.contact', contacts: { known: 2, needed: 4 } },
  ])
})

test('an action whose timer was not there before is warned of, whatever it is called', () => {
  const remind = (name: string, wait: string) =>
    `{ name: ${name}, on: { absent: purchase, after: add_to_cart, for: ${wait} }, when: "true" }`
  const before = { actions: [remind('a', '30m'), remind('b', '1h')] }
  const { warnings, definitions } = changesOf(before, { actions: [remind('a', '60m'), remind('b', '2h')] })
  assert.deepEqual(warnings, [{ action: 'b', timer: 'no purchase in 2h after add_to_cart' }])
  assert.deepEqual(
    definitions.map(({ name, change }) => `${name} ${change}`),
    ['views unchanged', 'a changed', 'b changed'],
  )
})

test('an action that waits anew for its condition to become true is warned of: of a new one, or over other features', () => {
  const cool = (name: string, when = 'views < 3') => `{ name: ${name}, on: becomes_true, when: ${when} }`
  const feature = (size: string) => [`{ name: views, count: {}, where: type == "view", window: { size: ${size} } }`]
  const before = { features: feature('1h'), actions: [cool('a')] }
  const after = { features: feature('1h'), actions: [cool('other'), cool('b', 'views == 0')] }
  assert.deepEqual(changesOf(before, after).warnings, [
    { action: 'b', crossing: 'views == 0 became true as time passed' },
  ])
  assert.deepEqual(changesOf(before, { ...before, features: feature('2h') }).warnings.at(-1), {
    action: 'a',
    crossing: 'views < 3 became true as time passed',
  })
})

test('what else folds and decides is told by key, a section that is new as a whole, and a file by its name', () => {
  const mapped = '[{ name: clicks, format: json, mapping: { customer: user, type: kind, time: at } }]'
  const before = { topics: mapped, rest: 'dedupe: { window: 1h }\narbitration: { emit: all }' }
  const after = {
    topics: mapped.replace('user', 'visitor').replace(']', ', { name: orders, format: json }]'),
    rest: 'dedupe: { window: 2h }\nlimits: { max_event_kb: 8 }\narbitration: { emit: best }\nholdout: { share: 5 %, salt: x }',
  }
  assert.deepEqual(changesOf(before, after).settings, [
    { key: 'arbitration.emit', from: 'all', to: 'best' },
    { key: 'holdout', from: null, to: { share: 0.05, salt: 'x' } },
    { key: 'topics.clicks.mapping.customer', from: 'user', to: 'visitor' },
    { key: 'topics.orders', from: null, to: { format: 'json', key: 'any', tombstones: 'skip' } },
    { key: 'dedupe.window', from: 3_600_000, to: 7_200_000 },
    { key: 'limits.max_event_kb', from: 64, to: 8 },
  ])
  const { config } = open({})
  const inFolder = (at: string) => ({ ...config, topics: [{ ...config.topics[0]!, schema: `${at}/click.avsc` }] })
  assert.deepEqual(settingsOf(inFolder('/a')), settingsOf(inFolder('/b')))
})

test('where the settings of before are not known, that is said, and the rules are compared all the same', () => {
  const changes = compare(
    { ...open({ rest: 'arbitration: { emit: all }' }), settings: undefined },
    open({ rest: 'dedupe: { window: 2h }' }),
  )
  assert.deepEqual(
    [changes.settingsKnown, changes.settings],
    [false, [{ key: 'arbitration.emit', from: 'all', to: 'best' }]],
  )
  assert.match(formatChanges(changes).notes.join('\n'), /are not compared/)
})

test('people and machines are told the same, of every feature what becomes of it', () => {
  const features = [
    views.replace('1h', '90m, pane: 5m'),
    '{ name: seen, count: {}, where: type == "view", window: { size: 10m, pane: 5m } }',
    '{ name: ever, count: {}, window: lifetime }',
    '{ name: often, value: views > ever }',
  ]
  const changes = changesOf({ features: [views] }, { features })
  const { table, notes } = formatChanges(changes)
  const fromEvents = 'is computed from the events, and not ready until then'
  assert.deepEqual(
    table.map(([kind, name, , , state]) => [kind, name, state]),
    [
      ['feature', 'views', fromEvents],
      ['feature', 'seen', 'keeps its state'],
      ['feature', 'ever', fromEvents],
      ['feature', 'often', 'is computed, and not ready before ever and views are'],
      ['action', 'call', ''],
    ],
  )
  assert.deepEqual(notes, ['warning: call reads views, and is not decided for a customer before that is ready'])
  const json = changesJson(changes) as { changes: { state?: string }[]; warnings: object[] }
  assert.deepEqual(
    json.changes.map(({ state }) => state),
    ['from_events', 'kept', 'from_events', 'computed', undefined],
  )
  assert.deepEqual(json.warnings, [{ action: 'call', feature: 'views', state: 'from_events' }])
})

test('rules of the contact policy are told like gates, and a limit that no earlier rule kept contacts for is warned of', () => {
  const limits = (...rules: string[]) => ({ rest: `contact_policy: { limits: [${rules.join(', ')}] }` })
  const weekly = '{ name: weekly, max: 3, per: 7d }'
  assert.deepEqual(told(changesOf({}, limits(weekly))).slice(2), ['weekly new'])
  const warned = (before: Parts, after: Parts) =>
    changesOf(before, after).warnings.flatMap((warning) => ('rule' in warning ? warning.rule : []))
  assert.deepEqual(warned({}, limits(weekly)), ['weekly'])
  assert.deepEqual(warned(limits(weekly), limits(weekly)), [])
  assert.deepEqual(warned(limits(weekly), limits('{ name: daily, max: 1, per: day }')), [], 'it looks less far')
  assert.deepEqual(warned(limits(weekly), limits('{ name: weekly, max: 4, per: 7d }')), ['weekly'])
  assert.deepEqual(warned(limits(weekly), limits('{ name: calls, of: { actions: [call] }, max: 3, per: 7d }')), [
    'calls',
  ])
  assert.deepEqual(warned({}, limits('{ name: none, max: 0 }')), [], 'it counts nothing')
  const { notes } = formatChanges(changesOf({}, limits(weekly)))
  assert.deepEqual(notes, [
    'warning: weekly counts what earlier rules looked at: of other contacts before the change nothing is known',
  ])
  const zone = 'contact_policy: { timezone: Europe/Paris }'
  assert.deepEqual(changesOf({}, { rest: zone }).settings, [
    { key: 'contact_policy.timezone', from: null, to: 'Europe/Paris' },
  ])
})
