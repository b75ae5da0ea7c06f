import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { zoneOf } from '../../features/windows/calendar.ts'
import { isQuiet, quietUntilMs } from './quiet-hours.ts'

const minuteMs = 60_000
const file = new URL('../../../../test/zones/quiet-hours.json', import.meta.url)

/** From Python's zoneinfo; times in minutes. test/zones/quiet-hours.py says what they are. */
const { intervals, cases } = JSON.parse(readFileSync(file, 'utf8')) as {
  intervals: [from: string, to: string][]
  cases: {
    zone: string
    from: number
    to: number
    days: number[]
    weeks: number[]
    quiet: { first: boolean; turns: number[] }[]
  }[]
}

const timeOfDayMs = (text: string) => (Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) * minuteMs
const hours = intervals.map(([from, to]) => ({ fromMs: timeOfDayMs(from), toMs: timeOfDayMs(to) }))

test('around every change of clocks of 2024 to 2027, it is quiet in the same minutes as in zoneinfo, and ends with them', () => {
  for (const { zone: name, from, to, quiet } of cases) {
    const zone = zoneOf(name)!
    for (const [i, { first, turns }] of quiet.entries()) {
      const found: number[] = []
      let was = first
      for (let minute = from; minute < to; minute++) {
        const is = isQuiet(hours[i]!, zone, minute * minuteMs)
        if (is !== was) found.push(minute)
        was = is
        assert.equal(isQuiet(hours[i]!, zone, (minute + 1) * minuteMs - 1), is, 'to the last ms of the minute')
      }
      assert.deepEqual(found, turns, `${name}, ${intervals[i]} around ${from}`)
      for (const [turn, minute] of turns.entries()) {
        const isEnd = (turn % 2 === 0) === first
        const begin = turns[turn - 1] ?? from
        if (!isEnd) continue
        for (const asked of [
          begin * minuteMs,
          begin * minuteMs + 1,
          ((begin + minute) / 2) * minuteMs,
          minute * minuteMs - 1,
        ]) {
          assert.equal(
            quietUntilMs(hours[i]!, zone, asked),
            minute * minuteMs,
            `${name}, ${intervals[i]} from ${asked}`,
          )
        }
        assert.equal(quietUntilMs(hours[i]!, zone, minute * minuteMs), minute * minuteMs, 'it is over')
      }
    }
  }
})

test('local days and weeks begin in the same minutes as in zoneinfo, so a day of 23 or 25 hours is one', () => {
  const lengths = new Set<number>()
  for (const { zone: name, from, to, days, weeks } of cases) {
    const zone = zoneOf(name)!
    for (const [period, turns] of [
      ['day', days],
      ['week', weeks],
    ] as const) {
      const found: number[] = []
      for (let minute = from + 1; minute < to; minute++) {
        const more = zone.index(period, minute * minuteMs) - zone.index(period, (minute - 1) * minuteMs)
        assert(more === 0 || more === 1, `${name}, ${minute}`)
        if (more === 1) found.push(minute)
      }
      assert.deepEqual(found, turns, `${name}, ${period}`)
    }
    for (const [i, day] of days.entries()) if (i > 0) lengths.add((day - days[i - 1]!) / 60)
  }
  assert.deepEqual(
    [...lengths].sort((a, b) => a - b),
    [23, 23.5, 24, 24.5, 25],
  )
})
