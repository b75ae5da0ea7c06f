import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadConfig } from '../config/load.ts'
import { connectStore } from './connect.ts'
import { coverageCommand } from './coverage.ts'
import { migrateCommand } from './migrate.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

const startMs = Date.UTC(2026, 0, 1)

/** Candidates as `name reason score`, in the order of their rank; one that was not eligible has no score. */
function decisionOf(n: number, customer: string, ...candidates: readonly string[]) {
  const parts = candidates.map((one) => one.split(' '))
  const reasons = parts.map(([, reason]) => reason!.split('/'))
  return {
    ...{ topic: 't', partition: 0, offset: n, position: n, customer, trigger: '' },
    ...{ time: startMs + n * 1_000, now: startMs, policy: 'p' },
    candidates: parts.map(([name]) => name),
    reasons: reasons.map(([reason]) => reason),
    gates: reasons.map(([, gate = '']) => gate),
    scores: parts.map(([, , score]) => (score === undefined ? null : Number(score))),
    probabilities: parts.map(([, reason]) => (reason === 'chosen' ? 1 : 0)),
    chosen: parts.filter(([, reason]) => reason === 'chosen').map(([name]) => name),
  }
}

describe('beckon coverage', { skip }, () => {
  let setup: Setup
  before(async () => {
    setup = createSetup()
    setup.configure({ actions: ['a', 'b', 'c', 'd'].map((name) => ({ name, when: 'true' })) })
    await runInProcess(migrateCommand(), '-c', setup.configFile)
    const client = connectStore(loadConfig(setup.configFile, {}).config)
    const decisions = [
      decisionOf(1, 'ann', 'a chosen 5', 'b outranked 2', 'c not_eligible'),
      decisionOf(2, 'bob', 'b cooldown 2', 'c suitable/calm'),
      decisionOf(3, 'bob', 'b cap 2', 'c not_eligible'),
      decisionOf(4, 'bob', 'b cooldown 2', 'c not_eligible'),
      decisionOf(5, 'cid', 'c suitable/calm'),
      // Outside of what is asked for.
      decisionOf(900, 'cid', 'c chosen 1'),
    ]
    const clickhouse_settings = { input_format_null_as_default: 0 as const }
    // A score that is null in JSON is none.
    const values = decisions.map((one) => ({ ...one, scores: one.scores.map((score) => score ?? 'nan') }))
    await client.insert({
      table: 'decisions',
      values: [...values, values[0]],
      format: 'JSONEachRow',
      clickhouse_settings,
    })
    const events = ['ann', 'bob', 'bob', 'bob', 'cid', 'dan', 'dan', 'dan'].map((customer, n) => ({
      ...{ topic: 't', partition: 0, offset: n, position: n, id: `m${n}`, customer, type: 'x' },
      ...{ time: startMs + n * 1_000, duplicate: n === 7 },
    }))
    await client.insert({ table: 'events', values: events, format: 'JSONEachRow' })
    await client.close()
  })
  after(() => setup.drop())
  const coverage = (...args: string[]) => runInProcess(coverageCommand(), '-c', setup.configFile, ...args)

  it('says who is left with nothing, which gate is to blame, and which actions are left over', async () => {
    const { out, err, code } = await coverage(
      '--json',
      '--from',
      '2026-01-01T00:00:00Z',
      '--to',
      '2026-01-01T00:10:00Z',
    )
    assert.equal(code, 0, err)
    const found = JSON.parse(out)
    assert.deepEqual(found.decisions, { of_events: 5, of_timers: 0, with_nothing: 4, stored_share: 5 / 7 })
    assert.deepEqual(found.customers, {
      all: 4,
      left_with_nothing: 3,
      of_whom_no_decision_is_stored: 1,
      by: [
        { reason: 'cooldown', gate: '', customers: 1 },
        { reason: 'suitable', gate: 'calm', customers: 1 },
      ],
    })
    assert.deepEqual(
      found.never_chosen.map((one: { action: string; eligible: number; beaten_by: object }) => [
        one.action,
        one.eligible,
        one.beaten_by,
      ]),
      [['b', 4, [{ action: 'a', times: 1 }]]],
    )
    assert.deepEqual(
      found.never_eligible.map(({ action, considered }: Record<string, unknown>) => [action, considered]),
      [['c', 5]],
    )
    assert.deepEqual(found.never_considered, ['d'])
  })

  it('takes all that is stored where no time is given, and finds nothing where nothing is', async () => {
    const all = await coverage()
    assert.match(all.out, /^6 decisions on events are stored \(85\.7 % of the events\)/)
    const none = await coverage('--from', '2030-01-01T00:00:00Z')
    assert.match(none.out, /there was none/)
  })
})
