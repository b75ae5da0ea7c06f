import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from './random.ts'

describe('random numbers', () => {
  it('are the same for the same seed and differ between neighbouring seeds', () => {
    const of = (seed: number) => {
      const random = new Random(seed)
      return Array.from({ length: 5 }, () => random.bits())
    }
    assert.deepEqual(of(1), of(1))
    const all = [0, 1, 2, -1, 1 << 30].flatMap(of)
    assert.equal(new Set(all).size, all.length)
  })

  it('are spread evenly, and exponentially with the mean that is asked for', () => {
    const random = new Random(5)
    const counts = new Array<number>(10).fill(0)
    let sum = 0
    for (let i = 0; i < 100_000; i++) {
      const drawn = random.below(10)
      counts[drawn] = (counts[drawn] ?? 0) + 1
      sum += random.exponential(40)
    }
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, counts.join(' '))
    assert.ok(Math.abs(sum / 100_000 - 40) < 1, `${sum / 100_000}`)
  })
})
