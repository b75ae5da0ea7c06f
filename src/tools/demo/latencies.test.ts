import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Latencies } from './latencies.ts'

function percentilesOf(samples: readonly number[], kept = 1000) {
  const latencies = new Latencies(kept)
  for (const sample of samples) latencies.add(sample)
  return latencies.percentiles()
}

describe('the latencies', () => {
  it('have none of no samples', () => {
    assert.equal(percentilesOf([]), undefined)
  })

  it('are by nearest rank, in whatever order the samples came', () => {
    const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
    assert.deepEqual(percentilesOf([7]), { p50: 7, p99: 7 })
    assert.deepEqual(percentilesOf([20, 10]), { p50: 10, p99: 20 })
    assert.deepEqual(percentilesOf(upTo(100).reverse()), { p50: 50, p99: 99 })
    assert.deepEqual(percentilesOf(upTo(101)), { p50: 51, p99: 100 })
    assert.deepEqual(percentilesOf([0.5, 100, 9]), { p50: 9, p99: 100 })
  })

  it('are of the latest samples where there are more than it keeps', () => {
    assert.deepEqual(percentilesOf([1000, 1000, 1000, 1, 2, 3], 3), { p50: 2, p99: 3 })
  })
})
