import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Moment } from '../../features/moment.ts'
import { utc, zoneOf } from '../../features/windows/calendar.ts'
import { isReached, type Limit, type LimitSpan } from './limits.ts'
import { type Contact, withoutPastContact, withPastContact } from './past-contacts.ts'

const asOf = (asOfMs: number) => ({ asOfMs }) as Moment
const refusal = { reason: 'contact_policy', gate: 'x' } as const
const rolling = (ms: number): LimitSpan => ({ kind: 'rolling', ms })
const contactAt = (timeMs: number, name = 'a', id = `${timeMs}`): Contact => ({
  id,
  timeMs,
  name,
  tags: [],
  channel: '',
  counts: true,
})
const limitOf = (max: number, span: LimitSpan, names?: readonly string[]): Limit => ({
  counts: ({ name }) => names === undefined || names.includes(name),
  max,
  span,
  isStrict: false,
  refusal,
})

test('a rolling limit is half-open, and one of 0 is reached by nobody at all', () => {
  const contacts = [contactAt(0), contactAt(50)]
  const limit = limitOf(2, rolling(100))
  assert.equal(isReached(limit, contacts, asOf(99)), true)
  assert.equal(isReached(limit, contacts, asOf(100)), false)
  assert.equal(isReached(limit, contacts, asOf(40)), true, 'one that is later, by a timer, counts')
  assert.equal(isReached(limitOf(0, rolling(1)), [], asOf(0)), true)
})

test('a calendar limit is full for each local day, of 23 or of 25 hours, and a week begins on Monday', () => {
  const zone = zoneOf('Europe/Berlin')!
  const limit = (period: 'day' | 'week') => limitOf(1, { kind: 'calendar', period, zone: () => zone })
  const reached = (period: 'day' | 'week', then: string, now: string) =>
    isReached(limit(period), [contactAt(Date.parse(then))], asOf(Date.parse(now)))
  assert.equal(
    reached('day', '2026-03-29T00:00+01:00', '2026-03-29T23:59+02:00'),
    true,
    '22 hours and 59 minutes later',
  )
  assert.equal(reached('day', '2026-03-29T00:00+01:00', '2026-03-30T00:00+02:00'), false)
  assert.equal(
    reached('day', '2026-10-25T00:00+02:00', '2026-10-25T23:59+01:00'),
    true,
    '24 hours and 59 minutes later',
  )
  assert.equal(reached('day', '2026-10-25T23:59+01:00', '2026-10-26T00:00+01:00'), false)
  assert.equal(reached('week', '2026-03-23T00:00+01:00', '2026-03-29T23:59+02:00'), true)
  assert.equal(reached('week', '2026-03-29T23:59+02:00', '2026-03-30T00:00+02:00'), false)
})

test('what is kept says the same as all there was, also with contacts that obey nothing and with some given back', () => {
  const span = fc.oneof(
    fc.integer({ min: 1, max: 40 }).map((hours) => rolling(hours * 3_600_000)),
    fc
      .constantFrom('day' as const, 'week' as const)
      .map((period): LimitSpan => ({ kind: 'calendar', period, zone: () => utc })),
  )
  const limits = fc.array(
    fc.record({
      max: fc.integer({ min: 1, max: 4 }),
      span,
      names: fc.constantFrom(undefined, ['a'], ['a', 'b'], ['c']),
    }),
    { minLength: 1, maxLength: 3 },
  )
  const steps = fc.array(
    fc.record({
      hours: fc.integer({ min: 0, max: 12 }),
      name: fc.constantFrom('a', 'b', 'c'),
      givesBack: fc.option(fc.nat(5)),
    }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(limits, steps, (declared, happened) => {
      const all = declared.map(({ max, span, names }) => limitOf(max, span, names))
      let kept: readonly Contact[] = []
      let ever: readonly Contact[] = []
      let nowMs = 0
      for (const [i, { hours, name, givesBack }] of happened.entries()) {
        nowMs += hours * 3_600_000
        const contact = contactAt(nowMs, name, `${i}`)
        kept = withPastContact(kept, contact, all, asOf(nowMs))
        ever = [...ever, contact]
        if (givesBack !== null) {
          const id = `${Math.max(0, i - givesBack)}`
          kept = withoutPastContact(kept, id)
          ever = withoutPastContact(ever, id)
        }
        for (const limit of all) {
          for (const laterMs of [0, 7_200_000]) {
            const moment = asOf(nowMs + laterMs)
            assert.equal(isReached(limit, kept, moment), isReached(limit, ever, moment))
          }
        }
      }
      assert(kept.length <= all.reduce((sum, { max }) => sum + max + 20, 0))
    }),
    { numRuns: 300 },
  )
})

test('without limits nothing is kept', () => {
  const none: readonly Contact[] = []
  assert.equal(withPastContact(none, contactAt(1), [], asOf(1)), none)
})
