import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '../ops/logger.ts'
import { createMetrics } from '../ops/metrics.ts'
import { watchPlacement } from './watch.ts'

test('the counts are told by topic, and back at 0 when the customers are together again', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const topics = ['clicks', 'orders']
  const metrics = createMetrics([], topics, [], false)
  const lines: string[] = []
  const logger = createLogger('info', { write: (line) => lines.push(line) })
  const answers = [new Map([['orders', 7]]), new Error('ClickHouse is away'), new Map<string, number>()]
  const end = watchPlacement({
    topics,
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
    seen.push(Object.fromEntries(values.map(({ labels, value }) => [labels.topic, value])))
  }
  end()
  assert.deepEqual(seen, [
    { clicks: 0, orders: 7 },
    { clicks: 0, orders: 7 },
    { clicks: 0, orders: 0 },
  ])
  const told = lines.map((line) => JSON.parse(line)).map(({ event, topic, count }) => [event, topic, count])
  assert.deepEqual(told, [
    ['customers.split', 'orders', 7],
    ['customers.not_counted', undefined, undefined],
  ])
})
