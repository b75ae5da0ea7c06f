import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignPartitions } from './assign.ts'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

test('cases', async (t) => {
  const cases: {
    name: string
    partitions: number
    owned: Record<string, number[]>
    wanted: Record<string, number[]>
  }[] = [
    { name: 'a first member gets all', partitions: 3, owned: { a: [] }, wanted: { a: [0, 1, 2] } },
    {
      name: 'a newcomer takes its share, and the others keep the rest',
      partitions: 6,
      owned: { a: [0, 1, 2], b: [3, 4, 5], c: [] },
      wanted: { a: [0, 1], b: [3, 4], c: [2, 5] },
    },
    {
      name: 'a leaver’s partitions go to those with room',
      partitions: 4,
      owned: { b: [1, 3] },
      wanted: { b: [0, 1, 2, 3] },
    },
    { name: 'more members than partitions', partitions: 1, owned: { a: [], b: [0] }, wanted: { a: [], b: [0] } },
    {
      name: 'of two claims on one partition one holds',
      partitions: 2,
      owned: { a: [0, 1], b: [0] },
      wanted: { a: [0], b: [1] },
    },
    {
      name: 'claims on what is not there are ignored',
      partitions: 2,
      owned: { a: [7], b: [1, -1] },
      wanted: { a: [0], b: [1] },
    },
    {
      name: 'who holds more keeps the larger share',
      partitions: 3,
      owned: { a: [0], b: [1, 2] },
      wanted: { a: [0], b: [1, 2] },
    },
  ]
  for (const { name, partitions, owned, wanted } of cases) {
    await t.test(name, () => {
      const members = Object.entries(owned).map(([id, claims]) => ({ id, owned: claims }))
      assert.deepEqual(Object.fromEntries(assignPartitions(range(partitions), members)), wanted)
    })
  }
})

test('whatever was owned, every partition has one owner, shares differ by at most one, and a second run moves nothing', () => {
  const claims = fc.array(fc.array(fc.integer({ min: -1, max: 30 }), { maxLength: 30 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 24 }), claims, (count, owned) => {
      const first = assignPartitions(
        range(count),
        owned.map((claim, i) => ({ id: `m${i}`, owned: claim })),
      )
      const shares = [...first.values()]
      assert.deepEqual(
        shares.flat().sort((a, b) => a - b),
        range(count),
      )
      const sizes = shares.map((share) => share.length)
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      const again = assignPartitions(
        range(count),
        [...first].reverse().map(([id, share]) => ({ id, owned: share })),
      )
      assert.deepEqual(Object.fromEntries(again), Object.fromEntries(first))
    }),
  )
})

test('one more member moves no more than its share', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 8 }), (count, size) => {
      const before = assignPartitions(
        range(count),
        range(size).map((i) => ({ id: `m${i}`, owned: [] })),
      )
      const members = [...before].map(([id, owned]) => ({ id, owned }))
      const after = assignPartitions(range(count), [...members, { id: 'new', owned: [] }])
      for (const { id, owned } of members) {
        const kept = after.get(id) ?? []
        assert.ok(
          kept.every((partition) => owned.includes(partition)),
          'nothing moves between the old members',
        )
      }
    }),
  )
})
