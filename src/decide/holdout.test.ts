import assert from 'node:assert/strict'
import { test } from 'node:test'
import { armsOf } from './holdout.ts'

const customers = Array.from({ length: 20_000 }, (_, i) => `customer ${i}`)
const heldBy = (share: number, salt: string) => {
  const armOf = armsOf({ share, salt })
  return new Set(customers.filter((customer) => armOf(customer) === 'holdout'))
}

test('a holdout has its share of the customers, the same ones in a larger one, and others by another salt', () => {
  const small = heldBy(0.05, 'a')
  const large = heldBy(0.1, 'a')
  const other = heldBy(0.05, 'b')
  for (const [held, share] of [
    [small, 0.05],
    [large, 0.1],
    [other, 0.05],
  ] as const) {
    const deviation = (held.size - share * customers.length) / Math.sqrt(customers.length * share * (1 - share))
    assert(Math.abs(deviation) < 3, `${held.size} of ${customers.length}`)
  }
  assert([...small].every((customer) => large.has(customer)))
  // Independent of one another, so that 5 % of these 5 % are in both.
  const both = [...small].filter((customer) => other.has(customer)).length
  assert(both < 100, `${both} are in both`)
  assert.deepEqual(heldBy(0, 'a').size, 0)
  assert.deepEqual(heldBy(1, 'a').size, customers.length)
})

test('without a holdout nobody is in an arm', () => {
  assert.equal(armsOf(undefined)('c'), '')
})
