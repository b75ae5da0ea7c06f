import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadConfig } from '../config/load.ts'
import { createProfileStore } from '../store/clickhouse/profiles.ts'
import { blankProfile, writeProfileRow } from '../store/profile-row.ts'
import { RowBuffer } from '../store/row-binary.ts'
import { connectStore } from './connect.ts'
import { migrateCommand } from './migrate.ts'
import { profileCommand } from './profile.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

describe('beckon profile', { skip }, () => {
  let setup: Setup
  before(async () => {
    setup = createSetup()
    await runInProcess(migrateCommand(), '-c', setup.configFile)
    const client = connectStore(loadConfig(setup.configFile, {}).config)
    const rows = new RowBuffer()
    writeProfileRow(rows, {
      ...blankProfile,
      partition: 1,
      customer: 'ann',
      version: 7,
      streamTimeMs: 1_700_000_000_123,
      numberNames: ['views'],
      numbers: [4],
      traits: new Map([['plan', 'gold']]),
      state: Buffer.from('private'),
    })
    await createProfileStore(client).insert(rows.take())
    await client.close()
  })
  after(() => setup.drop())
  const profile = (...args: string[]) => runInProcess(profileCommand(), '-c', setup.configFile, ...args)

  it('shows where a customer lies, as of when, and what is known', async () => {
    const { out, code } = await profile('ann')
    assert.equal(code, 0)
    assert.match(out, /^customer {2}ann\nas of {5}2023-11-14 22:13:20\.123 UTC/)
    assert.match(out, /\nlies in {3}partition 1\n/)
    assert.match(out, /\nviews {4}4\n/)
    assert.match(out, /\nplan {3}gold$/)
  })

  it('is one JSON object for machines, without the private state', async () => {
    const { out } = await profile('ann', '--json')
    const { customer, profiles } = JSON.parse(out)
    assert.equal(customer, 'ann')
    assert.deepEqual(profiles[0].numbers, { views: 4 })
    assert.equal('state' in profiles[0], false)
  })

  it('says in one line that a customer is unknown', async () => {
    const { err, out, code } = await profile('nobody', '--json')
    assert.equal(err, `no profile of nobody in ${setup.name}: never seen, erased, or not written yet`)
    assert.deepEqual(JSON.parse(out), { customer: 'nobody', profiles: [], consent: [], open_cases: [] })
    assert.equal(code, 1)
  })
})
