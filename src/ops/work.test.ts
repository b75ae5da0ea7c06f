import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { watchWork } from './work.ts'

test('a line says what was done since the last one, and the lag if it is known', async () => {
  const metrics = createMetrics(['advice'], ['clicks', 'orders'], [], false)
  metrics.eventsConsumed.inc({ topic: 'clicks' }, 5)
  const lines: Record<string, unknown>[] = []
  const told = (count: number) =>
    new Promise<void>((resolve) => {
      waiting = () => lines.length >= count && resolve()
    })
  let waiting: () => unknown = () => undefined
  const logger = createLogger('info', {
    write(line) {
      const { events, actions, deadLetters, lag } = JSON.parse(line) as Record<string, unknown>
      lines.push({ events, actions, deadLetters, lag })
      if (lines.length === 1) {
        metrics.eventsConsumed.inc({ topic: 'clicks' }, 2)
        metrics.eventsConsumed.inc({ topic: 'orders' }, 3)
        metrics.actions.inc({ action: 'advice' }, 1)
        metrics.deadLetters.inc({ reason: 'future' }, 4)
        metrics.consumerLag.set({ topic: 'clicks', partition: '0' }, 7)
        metrics.consumerLag.set({ topic: 'clicks', partition: '1' }, 1)
      }
      waiting()
    },
  })
  const done = told(2)
  const end = watchWork({ everyMs: 5, metrics, logger })
  await done
  end()
  assert.deepEqual(lines.slice(0, 2), [
    { events: 5, actions: 0, deadLetters: 0, lag: undefined },
    { events: 5, actions: 1, deadLetters: 4, lag: 8 },
  ])
})
