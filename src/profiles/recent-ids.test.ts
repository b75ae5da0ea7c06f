import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashId, RecentIds } from './recent-ids.ts'

test('an id is a duplicate as long as the window has not passed since it was first seen', () => {
  const ids = new RecentIds()
  const add = (id: string, atMs: number) => ids.add(hashId(id), atMs, 1000, 100)
  assert.equal(add('a', 0), true)
  assert.equal(add('a', 0), false)
  assert.equal(add('a', 1000), false)
  assert.equal(add('b', 1000), true)
  assert.equal(add('a', 1001), true, 'the window has passed')
  assert.equal(add('a', 1500), false)
})

test('it agrees with a plain list of all ids, as long as there are fewer than the bound', () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 30 }), gapMs: fc.integer({ min: 0, max: 40 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const ids = new RecentIds()
      const seen = new Map<number, number>()
      let nowMs = 0
      for (const { id, gapMs } of steps) {
        nowMs += gapMs
        const atMs = seen.get(id)
        const isNew = atMs === undefined || atMs < nowMs - 200
        assert.equal(ids.add(hashId(String(id)), nowMs, 200, 1000), isNew)
        if (isNew) seen.set(id, nowMs)
      }
    }),
  )
})

test('past the bound the oldest ids go, and memory stays bounded', () => {
  const ids = new RecentIds()
  for (let i = 0; i < 10_000; i++) assert.equal(ids.add(hashId(`id-${i}`), i, 1e9, 100), true)
  assert(ids.size <= 256, `${ids.size} ids are kept`)
  assert.equal(ids.add(hashId('id-9999'), 10_000, 1e9, 100), false)
  assert.equal(ids.add(hashId('id-0'), 10_000, 1e9, 100), true)
})

test('of the smallest bounds at least one id is kept', () => {
  for (const maxIds of [1, 2, 3]) {
    const ids = new RecentIds()
    for (let i = 0; i < 100; i++) {
      assert.equal(ids.add(hashId(`id-${i}`), i, 1e9, maxIds), true)
      assert.equal(ids.add(hashId(`id-${i}`), i, 1e9, maxIds), false)
    }
    assert(ids.size <= 4, String(ids.size))
  }
})

test('past the bound, ids of one time are kept up to half of it', () => {
  const ids = new RecentIds()
  for (let i = 0; i < 101; i++) assert.equal(ids.add(hashId(`id-${i}`), 5, 1e9, 100), true)
  let known = 0
  for (let i = 0; i < 101; i++) if (!ids.add(hashId(`id-${i}`), 5, 1e9, 1000)) known++
  assert(known >= 50 && known <= 101, `${known} ids are known`)
})

test('ids restored from a checkpoint are the same', () => {
  const before = new RecentIds()
  for (let i = 0; i < 50; i++) before.add(hashId(`id-${i}`), i, 1000, 100)
  const after = restored(before)
  for (let i = 0; i < 50; i++) assert.equal(after.add(hashId(`id-${i}`), 60, 1000, 100), false)
  assert.equal(after.add(hashId('another'), 60, 1000, 100), true)
})

test('ids restored from a checkpoint are forgotten at the same moments, past the bound and under another window', () => {
  const step = fc.record({
    id: fc.integer({ min: 0, max: 400 }),
    gapMs: fc.integer({ min: 0, max: 3 }),
    windowMs: fc.constantFrom(20, 200, 2000),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 600 }), fc.nat({ max: 600 }), (steps, restoredAt) => {
      const run = new RecentIds()
      let replayed: RecentIds | undefined
      let nowMs = 0
      for (const [i, { id, gapMs, windowMs }] of steps.entries()) {
        if (i === restoredAt) replayed = restored(run)
        nowMs += gapMs
        const isNew = run.add(hashId(String(id)), nowMs, windowMs, 50)
        if (replayed) assert.equal(replayed.add(hashId(String(id)), nowMs, windowMs, 50), isNew)
      }
    }),
  )
})

function restored(ids: RecentIds): RecentIds {
  const pairs: [number, number][] = []
  ids.forEach((hash, timeMs) => {
    pairs.push([hash, timeMs])
  })
  const copy = new RecentIds()
  copy.restore(pairs)
  return copy
}

test('hashes are whole, below 2^53, and differ', () => {
  const hashes = new Set<number>()
  for (let i = 0; i < 100_000; i++) hashes.add(hashId(`customer-${i}`))
  assert.equal(hashes.size, 100_000)
  for (const hash of hashes) assert(Number.isSafeInteger(hash) && hash >= 0)
})

test('a copy behaves like its original, and is independent of it', () => {
  const ids = new RecentIds()
  const add = (to: RecentIds, i: number) => to.add(hashId(`id ${i}`), i, 1_000, 100)
  for (let i = 0; i < 250; i++) {
    const copy = ids.copy()
    const twin = copy.copy()
    assert.equal(add(copy, i), add(twin, i))
    assert.deepEqual(pairsOf(copy), pairsOf(twin))
    assert.equal(add(ids, i), true, 'the copies know it, and it does not')
    assert.deepEqual(pairsOf(ids), pairsOf(copy))
  }
})

function pairsOf(ids: RecentIds): [number, number][] {
  const pairs: [number, number][] = []
  ids.forEach((hash, timeMs) => {
    pairs.push([hash, timeMs])
  })
  return pairs
}
