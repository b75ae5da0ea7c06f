import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Value } from '../events/event.ts'
import type { FeatureSql } from '../sql/features.ts'
import { addToTally, emptyTally, summarize } from './tally.ts'

const feature = (allows?: FeatureSql['allows']): FeatureSql => ({
  name: 'f',
  read: (cell) => cell as Value,
  ...(allows ? { allows } : {}),
})
const of = (streamed: Value) => ({ customer: 'c', value: () => streamed })

test('a value is equal where the profile has it as SQL gives it, and what is not comes with its distance', () => {
  const cases: [streamed: Value, cell: unknown, equal: boolean, worst: number][] = [
    [3, 3, true, 0],
    [0, -0, true, 0],
    [1, true, true, 0],
    [null, null, true, 0],
    [['1', 'true'], [1, true], true, 0],
    [['{"id":1}', '[1,null]', 'null'], [{ id: 1 }, [1, null], null], true, 0],
    [{ b: 2, a: 1 }, { a: 1, b: 2 }, true, 0],
    [{ a: 1 }, { a: 1, b: 2 }, false, 1],
    [{ a: 1 }, { a: 1, b: 'text' }, true, 0],
    [3, 4, false, 0.25],
    [3, null, false, 1],
    ['3', 3, false, 1],
    [['a', 'b'], ['b', 'a'], false, 1],
    [null, undefined, false, 1],
  ]
  for (const [streamed, cell, equal, worst] of cases) {
    const tally = emptyTally('f')
    addToTally(tally, feature(), of(streamed), cell)
    const { equal: n, different, worst: found } = tally
    assert.deepEqual([n, different, found], [equal ? 1 : 0, equal ? 0 : 1, worst], JSON.stringify([streamed, cell]))
  }
})

test('a kind with a bound may differ within it, and three customers that differ are remembered', () => {
  const tally = emptyTally('f')
  const near = feature((streamed, cell) => (streamed as number) > (cell as number) / 2)
  addToTally(tally, near, of(9), 10)
  for (let n = 0; n < 5; n++) addToTally(tally, near, of(n), 10)
  assert.equal(tally.examples.length, 3)
  const wanted = { features: 1, compared: 6, equal: 0, within_bound: 1, different: 5, worst: 1 }
  assert.deepEqual(summarize([tally]), wanted)
})

test('what is computed from a feature within its bound may be another value, and no other may', () => {
  const near = feature((streamed, cell) => Math.abs((streamed as number) - (cell as number)) < 1)
  const computed: FeatureSql = { name: 'c', read: (cell) => (cell as Value[])[0]!, bounded: [near] }
  const cases: [read: Value, streamed: Value, cell: Value[], found: 'equal' | 'withinBound' | 'different'][] = [
    [5.5, 'many', ['many', 5], 'equal'],
    [5.5, 'many', ['few', 5], 'withinBound'],
    [5, 'many', ['few', 5], 'different'],
    [7, 'many', ['few', 5], 'different'],
  ]
  for (const [read, streamed, cell, found] of cases) {
    const tally = emptyTally('c')
    const value = (name: string) => (name === 'f' ? read : streamed)
    addToTally(tally, computed, { customer: 'c', value }, cell)
    assert.equal(tally[found], 1, JSON.stringify([read, streamed, cell]))
  }
})
