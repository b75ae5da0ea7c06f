import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Value } from '../events/event.ts'
import type { FeatureSql } from '../sql/features.ts'
import { addToTally, emptyTally, summarize } from './tally.ts'

const feature = (allows?: FeatureSql['allows']): FeatureSql => ({
  name: 'f',
  text: '',
  read: (cell) => cell as Value,
  ...(allows ? { allows } : {}),
})
const who = { topic: 't', customer: 'c' }

test('a value is equal where the profile has it as SQL gives it, and what is not comes with its distance', () => {
  const cases: [streamed: Value, cell: unknown, equal: boolean, worst: number][] = [
    [3, 3, true, 0],
    [0, -0, true, 0],
    [1, true, true, 0],
    [null, null, true, 0],
    [['1', 'true'], [1, true], true, 0],
    [{ b: 2, a: 1 }, { a: 1, b: 2 }, true, 0],
    [{ a: 1 }, { a: 1, b: 2 }, false, 1],
    [3, 4, false, 0.25],
    [3, null, false, 1],
    ['3', 3, false, 1],
    [['a', 'b'], ['b', 'a'], false, 1],
    [null, undefined, false, 1],
  ]
  for (const [streamed, cell, equal, worst] of cases) {
    const tally = emptyTally('f')
    addToTally(tally, feature(), who, streamed, cell)
    const { equal: n, different, worst: found } = tally
    assert.deepEqual([n, different, found], [equal ? 1 : 0, equal ? 0 : 1, worst], JSON.stringify([streamed, cell]))
  }
})

test('a kind with a bound may differ within it, and three customers that differ are remembered', () => {
  const tally = emptyTally('f')
  const near = feature((streamed, cell) => (streamed as number) > (cell as number) / 2)
  addToTally(tally, near, who, 9, 10)
  for (let n = 0; n < 5; n++) addToTally(tally, near, who, n, 10)
  assert.equal(tally.examples.length, 3)
  const wanted = { features: 1, compared: 6, equal: 0, within_bound: 1, different: 5, worst: 1 }
  assert.deepEqual(summarize([tally]), wanted)
})
