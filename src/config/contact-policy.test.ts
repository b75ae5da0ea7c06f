import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { compileEngine } from '../engine.ts'
import { ConfigError } from './fault.ts'
import { loadConfig, readConfig } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-contact-policy-'))
after(() => rmSync(folder, { recursive: true }))

const file = join(folder, 'beckon.yaml')
const write = (text: string, when = 'true') =>
  writeFileSync(
    file,
    `kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics: [{ name: clicks, format: json }]
actions: [{ name: call, when: '${when}', tags: [sales], channel: phone }]
${text}`,
  )

/** `path: message` of every fault. */
function faultsOf(text: string, when?: string): string[] {
  write(text, when)
  try {
    compileEngine(readConfig(file, {}))
  } catch (error) {
    assert(error instanceof ConfigError, String(error))
    return error.faults.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

test('the rules are read as declared: `of` is both sides, a cool-down is a limit of one, never is never', () => {
  write(`contact_policy:
  limits:
    - { name: a, of: { tags: [sales] }, max: 2, per: day }
    - { name: b, counts: { channels: [phone] }, cooldown: 2d }
    - { name: c, max: 0 }
  exclusions: [{ name: d, never: { tags: [sales] }, after: { actions: [call] }, for: 1d }]
  suppressions: [{ name: e, after: rejection, off: 1d }]
  quiet_hours: [{ name: f, from: 21:30, to: 08:00, then: drop }]`)
  const all = { actions: [], groups: [], tags: [], channels: [] }
  const sales = { ...all, tags: ['sales'] }
  const phone = { ...all, channels: ['phone'] }
  const dayMs = 86_400_000
  assert.deepEqual(loadConfig(file, {}).config.contact_policy, {
    country_timezones: {},
    limits: [
      { name: 'a', counts: sales, obeys: sales, max: 2, per: { period: 'day', timezone: 'customer' } },
      { name: 'b', counts: phone, obeys: all, max: 1, per: { rollingMs: 2 * dayMs } },
      { name: 'c', counts: all, obeys: all, max: 0, per: { rollingMs: 1 } },
    ],
    exclusions: [{ name: 'd', never: sales, after: { ...all, actions: ['call'] }, forMs: dayMs }],
    suppressions: [
      { name: 'e', outcomes: ['rejection'], times: 1, withinMs: 1, offMs: dayMs, counts: all, obeys: all },
    ],
    quiet_hours: [{ name: 'f', of: all, fromMs: 77_400_000, toMs: 28_800_000, timezone: 'customer', holds: false }],
  })
})

test('rules without a contact policy have the hash that they had', () => {
  write('')
  const { policyText } = compileEngine(loadConfig(file, {}))
  assert(!/contact_policy|counts|obeys/.test(policyText))
})

test('every fault of its shape is told, with the nearest timezone', () => {
  const faults = faultsOf(`gates: [{ name: calm, kind: suitable, allow: "true" }]
contact_policy:
  timezone: Europe/Pariss
  country_timezones: { Germany: Europe/Berlin, DE: Berlin }
  limits:
    - { name: calm, of: { tags: [sales] }, max: 2, per: day, timezone: Customer }
    - { name: b, of: { channels: [phone] }, counts: {}, max: 0 }
    - { name: c, max: 2 }
    - { name: d, cooldown: 1d, per: week }
    - { name: g, max: 1, per: 1h, timezone: UTC }
  exclusions: [{ name: e, never: {}, after: { actions: [call] } }]
  suppressions: [{ name: f, after: rejection, times: 2, off: 1d }]
  quiet_hours: [{ name: n, from: "25:00", to: 08:00 }, { name: m, from: 08:00, to: 08:00 }]`)
  assert.deepEqual(faults, [
    'contact_policy.timezone: Europe/Pariss is no timezone that Node and ClickHouse know; did you mean Europe/Paris?',
    'contact_policy.country_timezones.DE: Berlin is no timezone that Node and ClickHouse know',
    'contact_policy.country_timezones.Germany: Germany is no country: two capital letters, as of ISO 3166',
    'contact_policy.limits.0.timezone: Customer is no timezone that Node and ClickHouse know',
    'contact_policy.limits.1.of: of says both, so there is no counts or obeys beside it',
    'contact_policy.limits.2: a limit has max and per, or a cooldown',
    'contact_policy.limits.3.cooldown: a limit has a cooldown, or max and per',
    'contact_policy.limits.4.timezone: only a day or a week has a timezone',
    'contact_policy.exclusions.0: an exclusion has after and for, or with',
    'contact_policy.suppressions.0.times: within which time they have to come',
    'contact_policy.quiet_hours.0.from: a time of day from 00:00 to 23:59',
    'contact_policy.quiet_hours.1.to: from and to are the same: to be quiet always, take a limit with max: 0',
  ])
})

test('a name is that of one gate or rule; what names nothing, or needs an event when quiet hours end, is told', () => {
  const named = `gates: [{ name: calm, kind: suitable, allow: "true" }]
contact_policy:
  limits: [{ name: calm, max: 1, per: 1d }]
  quiet_hours: [{ name: calm, from: 21:00, to: 08:00, of: { channels: [phon] } }]`
  const twice = 'calm is declared twice, among the gates and the rules of the contact policy'
  assert.deepEqual(faultsOf(named), [
    `contact_policy.limits.0.name: ${twice}`,
    `contact_policy.quiet_hours.0.name: ${twice}`,
    'contact_policy.quiet_hours.0.of.channels.0: no action has the channel phon; did you mean phone?',
  ])
  const night = (then: string) =>
    `contact_policy: { quiet_hours: [{ name: night, from: 21:00, to: 08:00, then: ${then} }] }`
  assert.deepEqual(faultsOf(night('hold'), 'type == "view"'), [
    'actions.0.when: type needs an event, and there is none when quiet hours end (night; or let them drop it): use features, traits and the session',
  ])
  assert.deepEqual(faultsOf(night('drop'), 'type == "view"'), [])
})
