import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { correctedTimeMs } from './clock-skew.ts'

const hour = 3_600_000
const now = Date.parse('2024-03-13T10:00:00Z')

test('the client’s clock error is removed', () => {
  const cases: [what: string, timeMs: number, sentAtMs: number, receivedAtMs: number, wanted: number][] = [
    ['a clock two hours ahead', now + 2 * hour - 5000, now + 2 * hour, now + 40, now + 40 - 5000],
    ['a clock a year behind', now - 8760 * hour - 5000, now - 8760 * hour, now, now - 5000],
    ['an event that waited three days offline', now - 72 * hour, now, now, now - 72 * hour],
    ['a right clock is moved by the latency', now - 1000, now, now + 200, now - 800],
    ['a clock set back between event and send', now + hour, now, now, now],
    ['no send time', now + hour, 0, now, now + hour],
    ['no receive time', now, now + hour, 0, now],
    ['no event time', 0, now, now, 0],
  ]
  for (const [what, timeMs, sentAtMs, receivedAtMs, wanted] of cases) {
    assert.equal(correctedTimeMs(timeMs, sentAtMs, receivedAtMs), wanted, what)
  }
})

test('whatever the client’s clock shows, the time is the same, and never after the receipt', () => {
  const ms = fc.integer({ min: now - 1000 * hour, max: now + 1000 * hour })
  fc.assert(
    fc.property(ms, ms, ms, fc.integer({ min: -9000 * hour, max: 9000 * hour }), (time, sent, received, errorMs) => {
      const corrected = correctedTimeMs(time, sent, received)
      assert.ok(corrected <= received)
      assert.equal(correctedTimeMs(time + errorMs, sent + errorMs, received), corrected)
    }),
  )
})
