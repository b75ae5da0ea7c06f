import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schedule } from './schedule.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('a run is waited for, a failure does not stop the next run, and a run under way is told of the end', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const signals: AbortSignal[] = []
  const endings: { resolve(): void; reject(error: Error): void }[] = []
  const failures: unknown[] = []
  const end = schedule({
    everyMs: 100,
    firstMs: 10,
    run(ended) {
      signals.push(ended)
      return new Promise<void>((resolve, reject) => endings.push({ resolve, reject }))
    },
    onFailure: (error) => failures.push(error),
  })
  context.mock.timers.tick(9)
  assert.equal(signals.length, 0)
  context.mock.timers.tick(1)
  assert.equal(signals.length, 1)
  context.mock.timers.tick(1_000)
  assert.equal(signals.length, 1)
  const failure = new Error('away')
  endings[0]!.reject(failure)
  await settled()
  assert.deepEqual(failures, [failure])
  context.mock.timers.tick(100)
  assert.equal(signals.length, 2)
  assert.equal(signals[1]!.aborted, false)
  end()
  assert.equal(signals[1]!.aborted, true)
  endings[1]!.reject(new Error('ended'))
  await settled()
  context.mock.timers.tick(1_000)
  assert.deepEqual([signals.length, failures.length], [2, 1])
})
