import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Held } from './held.ts'

test('what is held is released in reverse order, once, with the deadline, even where one release fails', async () => {
  const held = new Held()
  const told: string[] = []
  held.add((deadlineMs) => void told.push(`first, ${deadlineMs}`))
  held.add(async () => {
    await new Promise(setImmediate)
    told.push('second')
  })
  held.add(() => {
    throw new Error('third')
  })
  for (let i = 0; i < 2; i++) {
    await assert.rejects(held.release(7), ({ errors }: AggregateError) => /third/.test(String(errors)))
  }
  assert.deepEqual(told, ['second', 'first, 7'])
})
