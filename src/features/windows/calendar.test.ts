import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { zoneOf } from './calendar.ts'

const quarterMs = 900_000
/** Every day's first quarter hours and some others, 1972 to 2037. */
const quarterHours = fc
  .integer({ min: Date.UTC(1972, 0, 1) / quarterMs, max: Date.UTC(2038, 0, 1) / quarterMs })
  .map((quarter) => quarter * quarterMs)

test('two times have the same index exactly if their local dates are in one period', () => {
  for (const name of [
    'UTC',
    'Europe/Paris',
    'America/New_York',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Apia',
  ]) {
    const zone = zoneOf(name)!
    const format = new Intl.DateTimeFormat('en-CA', { timeZone: name, dateStyle: 'short' })
    const days = (timeMs: number) => Date.parse(format.format(timeMs)) / 86_400_000
    const monthOf = (timeMs: number) => {
      const [year, month] = format.format(timeMs).split('-').map(Number)
      return year! * 12 + month!
    }
    fc.assert(
      fc.property(quarterHours, fc.integer({ min: 0, max: 40 * 96 }), (from, quarters) => {
        const to = from + quarters * quarterMs
        const between = (period: 'day' | 'week' | 'month') => zone.index(period, to) - zone.index(period, from)
        assert.equal(between('day'), days(to) - days(from))
        assert.equal(between('month'), monthOf(to) - monthOf(from))
        const weekOf = (timeMs: number) => Math.floor((days(timeMs) + 3) / 7)
        assert.equal(between('week'), weekOf(to) - weekOf(from))
      }),
      { numRuns: 200 },
    )
  }
})

test('if clocks change a minute after the quarter hour, the clock at its end counts', () => {
  const dayOf = (zone: string, ms: number) =>
    new Date(zoneOf(zone)!.index('day', ms) * 86_400_000).toISOString().slice(0, 10)
  // At 0:01 on the 29th it became 23:01 on the 28th.
  for (const [minutes, day] of [
    [29, '2006-10-28'],
    [31, '2006-10-28'],
    [35, '2006-10-28'],
    [89, '2006-10-28'],
    [90, '2006-10-29'],
  ] as const) {
    assert.equal(dayOf('America/St_Johns', Date.UTC(2006, 9, 29, 2, minutes)), day, String(minutes))
  }
  const next = zoneOf('America/St_Johns')!.nextMs('day', Date.UTC(2006, 9, 29, 2, 35))
  assert.equal(new Date(next).toISOString(), '2006-10-29T03:30:00.000Z')
})

test('a name that Node or ClickHouse does not know, or not in that spelling, has no zone', () => {
  const names = ['', 'Nowhere/Else', '+01:00', 'customer', 'europe/paris', 'PST', 'America/Coyhaique', 'Factory']
  for (const name of names) assert.equal(zoneOf(name), undefined, name)
  for (const name of ['UTC', 'Europe/Paris', 'EST', 'US/Pacific']) assert.ok(zoneOf(name), name)
})
