import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, test } from 'node:test'
import { withRules } from '../src/engine.ts'
import type { RecordBatch } from '../src/events/log.ts'
import type { AggregateDeclaration } from '../src/features/declaration.ts'
import type { Window } from '../src/features/window.ts'
import { foldVersion } from '../src/fold-version.ts'
import { checkpointFormat, decodeCheckpoint, encodeCheckpoint } from '../src/journal/checkpoint.ts'
import type { JournalEntry } from '../src/journal/journal.ts'
import { formatVersion } from '../src/profiles/codec.ts'
import { decodeRules, encodeRules, Refused, rulesFormat } from '../src/rules/deployed.ts'
import { readMigrations } from '../src/store/clickhouse/migrate.ts'
import { StateError } from '../src/store/state-error.ts'
import { type GoldenFold, sampleFold } from './golden/fold.ts'
import {
  type GoldenCheckpoint,
  type GoldenJournal,
  type GoldenRules,
  goldenFiles,
  goldenJournal,
  goldenRules,
  journal,
  migrationsFile,
} from './golden/golden.ts'
import { type GoldenProfile, plain, profileOf, sampleEngine, stateOf } from './golden/profile.ts'

/** What every version wrote is read by this one, and none writes otherwise than its format says. */

const unfit = 'the written format is another one: raise its number, and add a golden file (npm run golden)'

describe('the journal', () => {
  const goldens = goldenFiles<GoldenJournal>('journal')
  const batchOf = ({ headers, value }: GoldenJournal) =>
    ({
      count: 1,
      value: () => Buffer.from(value, 'base64'),
      headers: () => Object.entries(headers).map(([name, text]) => ({ name, value: Buffer.from(text) })),
    }) as unknown as RecordBatch
  /** Of the fields that not all formats have. */
  const unknown = { settings: '', rejected: -1, quarantined: [], quarantined_timers: [] }

  for (const { format, golden } of goldens) {
    it(`is read as format ${format} wrote it`, () => {
      const [entry] = journal.decode(batchOf(golden))
      assert.deepEqual({ ...entry }, { ...unknown, ...golden.entry })
    })
  }

  it('is written as its format says', () => {
    const { format, golden } = goldens.at(-1)!
    const record = journal.encode(golden.entry)
    assert.equal(record.headers['beckon.format'], String(format), unfit)
    assert.deepEqual(goldenJournal(record, golden.entry), golden, unfit)
    const filled = Object.entries(golden.entry).filter(([, value]: [string, JournalEntry[keyof JournalEntry]]) =>
      typeof value === 'object' ? Object.keys(value).length > 0 : value !== 0 && value !== '',
    )
    assert.equal(filled.length, Object.keys(golden.entry).length, 'the golden file holds something in every field')
  })

  it('of a later version is refused', () => {
    const { format, golden } = goldens.at(-1)!
    const later = batchOf({ ...golden, headers: { 'beckon.format': String(format + 1) } })
    assert.throws(() => journal.decode(later), StateError)
  })
})

describe('a record of the rules topic', () => {
  const goldens = goldenFiles<GoldenRules>('rules')
  const batchOf = ({ key, headers, value }: GoldenRules) =>
    ({
      count: 1,
      key: () => Buffer.from(key),
      value: () => Buffer.from(value),
      headers: () => Object.entries(headers).map(([name, text]) => ({ name, value: Buffer.from(text) })),
    }) as unknown as RecordBatch

  for (const { format, golden } of goldens) {
    it(`is read as format ${format} wrote it`, () => {
      assert.deepEqual(decodeRules(batchOf(golden), 0, golden.key), golden.deployed)
    })
  }

  it('is written as its format says', () => {
    const { format, golden } = goldens.at(-1)!
    const record = encodeRules('rules', golden.key, golden.deployed)
    assert.equal(rulesFormat, format, unfit)
    assert.deepEqual(goldenRules(record, golden.deployed), golden, unfit)
  })

  it('of a later version is refused', () => {
    const { format, golden } = goldens.at(-1)!
    const headers = { ...golden.headers, 'beckon.format': String(format + 1) }
    const read = decodeRules(batchOf({ ...golden, headers }), 0, golden.key)
    assert(read instanceof Refused)
    assert.equal(read.reason, 'format')
  })
})

describe('a checkpoint', () => {
  const goldens = goldenFiles<GoldenCheckpoint>('checkpoint')

  for (const { format, golden } of goldens) {
    it(`is read as format ${format} wrote it`, () => {
      assert.deepEqual(decodeCheckpoint(Buffer.from(golden.state)), golden.checkpoint)
    })
  }

  it('is written as its format says', () => {
    const { format, golden } = goldens.at(-1)!
    assert.equal(checkpointFormat, format, unfit)
    assert.equal(String(encodeCheckpoint(golden.checkpoint)), golden.state, unfit)
  })

  it('of a later version, and what is none, is refused', () => {
    const { format, golden } = goldens.at(-1)!
    const states = [{ ...golden.checkpoint, format: format + 1 }, { format }, 7].map((state) => JSON.stringify(state))
    for (const state of [...states, '{']) assert.throws(() => decodeCheckpoint(Buffer.from(state)), StateError, state)
  })
})

describe('a profile', () => {
  const goldens = goldenFiles<GoldenProfile>('profile')
  /** The rules of then, which `policies` keeps. */
  const engineOf = ({ policyText }: GoldenProfile) => {
    const engine = withRules(sampleEngine(), policyText)
    assert(engine, 'the rules of then can no longer be read')
    return engine
  }

  for (const { format, golden } of goldens) {
    it(`is read as format ${format} wrote it`, () => {
      const engine = engineOf(golden)
      assert.equal(engine.policyText, golden.policyText, 'a policy that is read is the same policy')
      assert.deepEqual(plain(engine, profileOf(engine, golden.state)), golden.profile)
    })
  }

  it('is written as its format says', () => {
    const { format, golden } = goldens.at(-1)!
    const engine = engineOf(golden)
    assert.equal(formatVersion, format, unfit)
    assert.equal(stateOf(engine, profileOf(engine, golden.state)), golden.state, unfit)
  })

  it('of a later version is refused', () => {
    const { format, golden } = goldens.at(-1)!
    const state = Buffer.from(golden.state, 'base64')
    state[0] = format + 1
    assert.throws(() => profileOf(engineOf(golden), state.toString('base64')), StateError)
  })

  it('is there with each kind of feature over each kind of window', () => {
    const { golden } = goldens.at(-1)!
    const kinds = new Map<string, Set<string>>()
    for (const feature of engineOf(golden).rules.features) {
      if (!('kind' in feature)) continue
      const { kind, window } = feature
      kinds.set(kind.name, (kinds.get(kind.name) ?? new Set()).add(window.kind))
    }
    for (const [name, windows] of Object.entries(taken)) {
      assert.deepEqual([...(kinds.get(name) ?? [])].sort(), [...windows].sort(), name)
    }
  })
})

test('the same events are folded alike, or the number of the fold is another', async () => {
  const { format, golden } = goldenFiles<GoldenFold>('fold').at(-1)!
  assert.equal(foldVersion, format, unfit)
  assert.deepEqual(await sampleFold(), golden, 'raise foldVersion, and add a golden file (npm run golden)')
})

test('no migration of the tables is edited: what is applied stays as it was', async () => {
  const published = JSON.parse(readFileSync(migrationsFile, 'utf8'))
  const found = Object.fromEntries((await readMigrations()).map(({ number, checksum }) => [number, checksum]))
  assert.deepEqual(found, published, 'put the change into a migration of its own, and note that (npm run golden)')
})

type Windows = readonly Window['kind'][]

const everyWindow: Windows = ['panes', 'sliding', 'session', 'lifetime', 'calendar', 'events']
const ofSingleEvents: Windows = ['sliding', 'lifetime']

/** The windows that each kind takes. */
const taken: Readonly<Record<AggregateDeclaration['name'], Windows>> = {
  count: everyWindow,
  sum: everyWindow,
  avg: everyWindow,
  variance: everyWindow,
  stddev: everyWindow,
  min: everyWindow,
  max: everyWindow,
  first: everyWindow,
  last: everyWindow,
  last_n: everyWindow,
  distinct: everyWindow,
  top: everyWindow,
  most_frequent: everyWindow,
  least_frequent: everyWindow,
  quantile: everyWindow,
  rate: ['panes', 'sliding'],
  smoothed_rate: everyWindow,
  decayed_sum: ['lifetime'],
  time_since: everyWindow,
  time_since_first: everyWindow,
  active_days: everyWindow,
  funnel: ofSingleEvents,
  sequence: ofSingleEvents,
}
