import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isOff, noReactions, type Reaction, type Suppression, withReaction } from './suppressions.ts'

const dayMs = 86_400_000
const rejectedOn = (day: number, outcome = 'rejection'): Reaction => ({
  outcome,
  timeMs: day * dayMs,
  name: 'offer',
  tags: ['sales'],
  channel: 'email',
})
const twoInAMonth: Suppression = {
  counts: ({ outcome, tags }) => outcome === 'rejection' && tags.includes('sales'),
  times: 2,
  withinMs: 30 * dayMs,
  offMs: 90 * dayMs,
  refusal: { reason: 'contact_policy', gate: 'two_rejections' },
}

test('two rejections in 30 days turn off for 90 days from the second one', () => {
  const isOffOn = (day: number, ...rejections: number[]) =>
    isOff(
      twoInAMonth,
      rejections.map((on) => rejectedOn(on)),
      day * dayMs,
    )
  assert.equal(isOffOn(0, 0), false)
  assert.equal(isOffOn(29, 0, 29), true)
  assert.equal(isOffOn(118, 0, 29), true)
  assert.equal(isOffOn(119, 0, 29), false, 'half-open')
  assert.equal(isOffOn(30, 0, 30), false, '30 days apart is not within 30 days')
  assert.equal(isOffOn(100, 0, 29, 95), true, 'a later one alone does not end it')
  assert.equal(isOff(twoInAMonth, [rejectedOn(0), rejectedOn(1, 'click')], 2 * dayMs), false)
})

test('the order of arrival makes no difference, and what is too old or counts for nothing is not kept', () => {
  const days = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 12 })
  fc.assert(
    fc.property(days, fc.integer({ min: 0, max: 500 }), (on, later) => {
      const fold = (order: readonly number[]) =>
        order.reduce((kept, day) => withReaction(kept, rejectedOn(day), [twoInAMonth]), noReactions)
      const sorted = on.toSorted((a, b) => a - b)
      const asOfMs = Math.max(0, ...on, later) * dayMs
      const all = sorted.map((day) => rejectedOn(day))
      assert.equal(isOff(twoInAMonth, fold(on), asOfMs), isOff(twoInAMonth, all, asOfMs))
      assert(fold(sorted).every(({ timeMs }) => sorted.at(-1)! * dayMs - timeMs < 120 * dayMs))
    }),
  )
  assert.equal(withReaction(noReactions, rejectedOn(0, 'click'), [twoInAMonth]), noReactions)
})
