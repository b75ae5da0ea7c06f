import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClockError, ClockWatch } from './clock-watch.ts'
import type { Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'

function watch() {
  const events: string[] = []
  const metrics = createMetrics([], [], [])
  const logger = { warn: (event: string) => events.push(event) } as unknown as Logger
  return { clock: new ClockWatch(metrics, logger), metrics, events }
}

const read = async (metric: { get(): Promise<{ values: { value: number }[] }> }) =>
  (await metric.get()).values[0]!.value
const brokersMs = Date.UTC(2026, 0, 1)

test('nothing is logged about a clock that is right', async () => {
  const { clock, metrics, events } = watch()
  clock.look(brokersMs + 40, brokersMs)
  assert.deepEqual(events, [])
  assert.equal(await read(metrics.clockSkew), 0.04)
})

test('a wrong clock is logged once, and again if it was right in between', async () => {
  const { clock, metrics, events } = watch()
  for (const skewMs of [8_000, 8_000, -9_000, 0, 6_000]) clock.look(brokersMs + skewMs, brokersMs)
  assert.deepEqual(events, ['clock.wrong', 'clock.wrong'])
  assert.equal(await read(metrics.clockSkew), 6)
})

test('a clock that jumps is logged and counted, but not a time that was never known', async () => {
  const { clock, metrics, events } = watch()
  clock.look(brokersMs, undefined)
  assert.deepEqual(events, [])
  clock.look(brokersMs, brokersMs)
  clock.look(brokersMs, undefined)
  clock.look(brokersMs, undefined)
  assert.deepEqual(events, ['clock.jumped'])
  assert.equal(await read(metrics.clockJumps), 1)
})

for (const [skewMs, words] of [
  [3_000_000, '3000 s ahead of'],
  [-600_000, '600 s behind'],
] as const) {
  test(`a clock that is ${words} the brokers' refuses to run`, () => {
    const { clock } = watch()
    assert.throws(
      () => clock.look(brokersMs + skewMs, brokersMs),
      (error) => error instanceof ClockError && error.message.includes(`${words} the brokers'`),
    )
  })
}
