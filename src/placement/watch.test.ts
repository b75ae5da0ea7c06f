import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '../ops/logger.ts'
import { createMetrics } from '../ops/metrics.ts'
import { watchPlacement } from './watch.ts'

test('the count is told, and back at 0 when the customers are together again', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const metrics = createMetrics([], [], [], false)
  const lines: string[] = []
  const logger = createLogger('info', { write: (line) => lines.push(line) })
  const answers = [7, new Error('ClickHouse is away'), 0]
  const end = watchPlacement({
    metrics,
    logger,
    async countSplit() {
      const answer = answers.shift()!
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  const seen: unknown[] = []
  for (const waitMs of [0, 600_000, 600_000]) {
    context.mock.timers.tick(waitMs)
    await new Promise((resolve) => setImmediate(resolve))
    const { values } = await metrics.splitCustomers.get()
    seen.push(...values.map(({ value }) => value))
  }
  end()
  assert.deepEqual(seen, [7, 7, 0])
  const told = lines.map((line) => JSON.parse(line)).map(({ event, count }) => [event, count])
  assert.deepEqual(told, [
    ['customers.split', 7],
    ['customers.not_counted', undefined],
  ])
})
