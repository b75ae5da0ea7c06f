import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Counts, coverageOf } from './coverage.ts'
import { formatCoverage } from './format.ts'

const reason = (action: string, why: string, times: number, eligible = times, gate = '') => ({
  ...{ action, reason: why, gate },
  ...{ times, eligible },
})
const counts: Counts = {
  events: 400,
  stored: { of_events: 100, of_timers: 7, with_nothing: 30 },
  customers: 50,
  unheard: 4,
  reasons: [
    reason('advice', 'chosen', 60),
    reason('offer', 'outranked', 40),
    reason('offer', 'cap', 5),
    reason('offer', 'not_eligible', 15, 0),
    reason('vip', 'not_eligible', 90, 0),
    reason('vip', 'suitable', 10, 0, 'no_sales'),
  ],
  rivals: [{ action: 'offer', rival: 'advice', times: 40 }],
  left: [
    { reason: 'cooldown', gate: '', customers: 6 },
    { reason: 'suitable', gate: 'no_sales', customers: 2 },
  ],
}

test('actions that are never chosen, with who beats them; those never eligible, and those never considered', () => {
  const coverage = coverageOf(counts, ['advice', 'offer', 'vip', 'new'])
  assert.deepEqual(
    coverage.never_chosen.map(({ action, eligible, beaten_by }) => [action, eligible, beaten_by]),
    [['offer', 45, [{ action: 'advice', times: 40 }]]],
  )
  assert.deepEqual(
    coverage.never_eligible.map(({ action, considered }) => [action, considered]),
    [['vip', 100]],
  )
  assert.deepEqual(coverage.never_considered, ['new'])
  assert.equal(coverage.customers.left_with_nothing, 12)
  assert.equal(coverage.decisions.stored_share, 0.25)
})

test('in words', () => {
  assert.equal(
    formatCoverage(coverageOf(counts, ['advice', 'offer', 'vip', 'new'])).join('\n'),
    `100 decisions on events are stored (25.0 % of the events), and 7 of timers

left with nothing: 12 of 50 customers
  4  no decision is stored: nothing was eligible, or all was held back
  6  cooldown
  2  suitable (no_sales)

eligible and never chosen:
  offer: eligible 45 ×; beaten by advice 40 ×, cap 5 ×

never eligible:
  vip: not eligible 90 ×, suitable (no_sales) 10 ×

declared, and in no stored decision:
  new`,
  )
})
