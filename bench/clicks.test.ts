import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import avsc from 'avsc'
import { type Click, type ClickOptions, clickTypes, generateClicks } from './clicks.ts'

const schema = avsc.Type.forSchema(
  JSON.parse(readFileSync(new URL('../../bench/clicks.avsc', import.meta.url), 'utf8')),
)
const options: ClickOptions = { count: 50_000, customers: 2000, seed: 7 }
const clicks = [...generateClicks(options)]

function share(of: (click: Click) => boolean): number {
  return clicks.filter(of).length / clicks.length
}

function assertNear(actual: number, expected: number, within: number): void {
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not within ${within} of ${expected}`)
}

describe('the reference workload', () => {
  it('is the same for the same options, and another for another seed', () => {
    assert.deepEqual([...generateClicks({ ...options, count: 1000 })], [...generateClicks({ ...options, count: 1000 })])
    const [other] = generateClicks({ ...options, count: 1, seed: 8 })
    const [first] = generateClicks({ ...options, count: 1 })
    assert.notDeepEqual(other, first)
  })

  it('is in the wire format, and says in Avro what it says of itself', () => {
    const ids = new Set<string>()
    for (const { customer, type, price, timeMs, value } of clicks) {
      assert.deepEqual([...value.subarray(0, 5)], [0, 0, 0, 0, 1])
      const record = schema.fromBuffer(value.subarray(5))
      assert.deepEqual(
        [record.user_id, record.event_type, record.price, record.event_time],
        [customer, type, price, timeMs],
      )
      assert.match(record.url, /^https:\/\/shop\.example\/c\/\d+\/p\/i\d{6}\?src=\d&pos=\d+$/)
      ids.add(record.event_id)
    }
    assert.equal(ids.size, clicks.length, 'event ids are unique')
  })

  it('has the mix of types that is asked for, in sessions of about 12 clicks', () => {
    const expected = [0.6, 0.2, 0.1, 0.02, 0.06, 0.02]
    clickTypes.forEach((type, i) => {
      assertNear(
        share((click) => click.type === type),
        expected[i] ?? 0,
        0.006,
      )
    })
    const sessions = new Set(clicks.map(({ value }) => schema.fromBuffer(value.subarray(5)).session_id))
    assertNear(clicks.length / sessions.size, 12, 0.6)
  })

  it('reaches the log in order over the span that is asked for, a hundredth of it late by 1 to 30 s', () => {
    const logged = clicks.map(({ loggedMs }) => loggedMs)
    assert.deepEqual(
      logged,
      logged.toSorted((a, b) => a - b),
    )
    assertNear(((logged.at(-1) ?? 0) - (logged[0] ?? 0)) / 3_600_000, 30, 2)
    assertNear(
      share(({ loggedMs, timeMs }) => timeMs < loggedMs),
      0.01,
      0.002,
    )
    for (const { loggedMs, timeMs } of clicks) {
      const lateMs = loggedMs - timeMs
      assert.ok(lateMs === 0 || (lateMs >= 1000 && lateMs < 30_000), `${lateMs}`)
    }
    const punctual = [...generateClicks({ ...options, count: 5000, lateShare: 0 })]
    assert.ok(punctual.every(({ loggedMs, timeMs }) => timeMs === loggedMs))
  })

  it('has customers by Zipf: one in eight of the sessions is that of the first of 2,000', () => {
    const counts = new Map<string, number>()
    for (const { customer } of clicks) counts.set(customer, (counts.get(customer) ?? 0) + 1)
    const [first = 0, second = 0] = [...counts.values()].toSorted((a, b) => b - a)
    assertNear(first / clicks.length, 0.119, 0.03)
    assertNear(second / first, 0.5, 0.15)
    assert.ok(counts.size > 800 && counts.size <= 2000)
  })
})
