import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Event, Properties, type Value } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'
import { type Case, newCase, verdictOf } from './case.ts'
import { endWindows, keptMs } from './cases.ts'
import type { Goal } from './goal.ts'
import { settleGoal, settleOutcome } from './settle.ts'

const opened = (id: string, action: string, timeMs: number, endMs = timeMs + 100): Case => ({
  ...newCase({
    id,
    action,
    treatment: '',
    channel: '',
    group: '',
    tags: [],
    purpose: '',
    arm: '',
    policy: '',
    timeMs,
    endMs,
    probability: 1,
    score: 1,
    hasGoal: true,
  }),
})

function eventAt(timeMs: number, type: string, properties: Readonly<Record<string, Value>> = {}): Event {
  const event = new Event()
  event.type = type
  event.timeMs = timeMs
  event.properties = new Properties(Object.keys(properties), Object.values(properties))
  return event
}

const outcome = (timeMs: number, what: string, of: Readonly<Record<string, Value>>) =>
  eventAt(timeMs, 'outcome', { ...of, outcome: what })

describe('an outcome finds its case', () => {
  const cases = [opened('a1', 'offer', 10), opened('a2', 'offer', 20), opened('b1', 'other', 30)]
  const found = (event: Event, nowMs = event.timeMs) => {
    const { effect, changed } = settleOutcome(cases, event, nowMs)
    return [effect, ...changed.map(({ id }) => id)].join(' ')
  }
  const table: [name: string, event: Event, wanted: string][] = [
    ['by the id of the action', outcome(50, 'rejection', { action_id: 'a1' }), 'closed a1'],
    ['by the id, whatever action it names', outcome(50, 'click', { action_id: 'a1', action: 'other' }), 'noted a1'],
    ['by the id, even where its clock is behind', outcome(5, 'click', { action_id: 'a2' }), 'noted a2'],
    ['by the action, the latest', outcome(50, 'click', { action: 'offer' }), 'noted a2'],
    ['by the action, the latest by then', outcome(19, 'click', { action: 'offer' }), 'noted a1'],
    ['not by the action, where all are later', outcome(9, 'click', { action: 'offer' }), 'before_action'],
    ['not by an action that was never sent', outcome(50, 'click', { action: 'none' }), 'unknown_action'],
    ['not by an id that the customer does not have', outcome(50, 'click', { action_id: 'x' }), 'unknown_action'],
    ['which a word of its own leaves as it is', outcome(50, 'unsubscribed', { action_id: 'a1' }), 'noted'],
  ]
  for (const [name, event, wanted] of table) it(name, () => assert.equal(found(event), wanted))

  it('until its time has passed', () => {
    const { cases: ended } = endWindows([opened('a1', 'offer', 10)], 110)
    const click = outcome(50, 'conversion', { action_id: 'a1' })
    assert.equal(settleOutcome(ended, click, 110 + keptMs - 1).effect, 'revised')
    assert.equal(settleOutcome(ended, click, 110 + keptMs).effect, 'unknown_action')
  })
})

describe('an event that meets a goal', () => {
  let asked = 0
  const goal = (type: string): Goal => ({
    when: ({ event }) => {
      asked++
      return event.type === type
    },
    withinMs: 100,
    value: ({ event }) => event.properties.get('revenue'),
  })
  const order = goal('order')
  const goals = new Map([
    ['offer', order],
    ['other', order],
    ['visit', goal('visit')],
  ])
  const reached = (cases: readonly Case[], event: Event, nowMs = event.timeMs) =>
    settleGoal(cases, goals, { event } as Moment, nowMs)
  const idsOf = (cases: readonly Case[], event: Event) => reached(cases, event)?.changed.map(({ id }) => id)

  it('counts within the window, from the decision on and before its end', () => {
    const cases = [opened('a1', 'offer', 10)]
    const times = [9, 10, 109, 110].map((timeMs) => idsOf(cases, eventAt(timeMs, 'order')))
    assert.deepEqual(times, [undefined, ['a1'], ['a1'], undefined])
    assert.equal(reached(cases, eventAt(20, 'visit')), undefined)
  })

  it('says what it was worth, if it does', () => {
    const cases = [opened('a1', 'offer', 10)]
    assert.equal(reached(cases, eventAt(20, 'order', { revenue: 5.5 }))!.changed[0]!.value, 5.5)
    for (const revenue of [null, 'much']) {
      const [one] = reached(cases, eventAt(20, 'order', { revenue }))!.changed
      assert.equal(verdictOf(one!), 'positive')
      assert.ok(Number.isNaN(one!.value))
    }
  })

  it('counts for the case that began last, and only for it', () => {
    const cases = [opened('a1', 'offer', 10), opened('b1', 'other', 20), opened('v', 'visit', 30)]
    const first = reached(cases, eventAt(40, 'order'))!
    assert.deepEqual(
      first.changed.map(({ id }) => id),
      ['b1'],
    )
    // A second order is of the same case: the older one gets nothing of it.
    assert.equal(reached(first.cases, eventAt(50, 'order'))!.effect, 'repeated')
  })

  it('is not for what never reached the customer', () => {
    const cases = [opened('a1', 'offer', 10), opened('b1', 'other', 20)]
    const { cases: failed } = settleOutcome(cases, outcome(21, 'not_delivered', { action_id: 'b1' }), 21)
    assert.deepEqual(idsOf(failed, eventAt(40, 'order')), ['a1'])
  })

  it('revises a case whose window was over before it arrived', () => {
    const { cases } = endWindows([opened('a1', 'offer', 10)], 110)
    assert.equal(reached(cases, eventAt(60, 'order'), 500)!.effect, 'revised')
    assert.equal(reached(cases, eventAt(60, 'order'), 110 + keptMs), undefined)
  })

  it('is asked once, however many cases have that goal', () => {
    asked = 0
    reached(
      Array.from({ length: 20 }, (_, i) => opened(`a${i}`, i % 2 === 0 ? 'offer' : 'other', 10 + i)),
      eventAt(40, 'visit'),
    )
    assert.equal(asked, 1)
  })
})
