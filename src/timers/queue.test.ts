import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Due, TimerQueue } from './queue.ts'

const all = Number.POSITIVE_INFINITY
const dueMs = fc.integer({ min: 1, max: 30 })
const customer = fc.constantFrom(...'abcdefghij')

test('it gives what is due, by time and customer, and no more than asked for', () => {
  const queue = new TimerQueue(100, true)
  for (const [who, due] of [
    ['c', 5],
    ['b', 3],
    ['a', 5],
    ['d', 9],
  ] as const)
    queue.add(who, due)
  assert.equal(queue.nextMs, 3)
  assert.deepEqual(queue.take(5, 2), ['b', 'a'])
  assert.deepEqual(queue.take(5, 2), ['c'])
  assert.deepEqual(queue.take(8, 2), [])
  assert.equal(queue.size, 1)
})

test('a customer has one entry: the earliest', () => {
  const queue = new TimerQueue(100, true)
  for (const due of [9, 5, 7]) queue.add('a', due)
  assert.equal(queue.size, 1)
  assert.deepEqual(queue.take(5, all), ['a'])
  assert.deepEqual(
    queue.take(20, all),
    [],
    'the later ones are void: the profile is asked, and tells when to come again',
  )
})

test('whatever is added and taken, nobody is taken late or twice', () => {
  const step = fc.oneof(fc.tuple(customer, dueMs), dueMs)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new TimerQueue(1_000, true)
      const model = new Map<string, number>()
      for (const one of steps) {
        if (typeof one === 'number') {
          const due = [...model].filter(([, at]) => at <= one)
          const expected = due.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([who]) => who)
          assert.deepEqual(queue.take(one, all), expected)
          for (const who of expected) model.delete(who)
        } else {
          queue.add(...one)
          model.set(one[0], Math.min(model.get(one[0]) ?? all, one[1]))
        }
        assert.equal(queue.size, model.size)
        assert.equal(queue.nextMs, Math.min(all, ...model.values()))
      }
    }),
  )
})

/** A store's answer, in its order. */
function read(stored: readonly Due[], queue: TimerQueue, most: number): void {
  const past = queue.beginReading()
  const isPast = ({ dueMs: at, customer: who }: Due) => at > past.dueMs || (at === past.dueMs && who > past.customer)
  const found = stored
    .filter(isPast)
    .sort((a, b) => a.dueMs - b.dueMs || (a.customer < b.customer ? -1 : 1))
    .slice(0, most)
  queue.endReading(found, found.length < most ? undefined : found.at(-1))
}

test('with a bound, and the rest in a store, nobody is forgotten', () => {
  const timers = fc.array(fc.tuple(fc.integer({ min: 0, max: 99 }), dueMs), { maxLength: 100 })
  fc.assert(
    fc.property(timers, timers, fc.integer({ min: 4, max: 20 }), (before, later, bound) => {
      const stored = new Map(before.map(([who, at]) => [`c${who}`, at]))
      const queue = new TimerQueue(bound, false)
      const rows = () => [...stored].map(([who, at]) => ({ customer: who, dueMs: at }))
      const taken: string[] = []
      for (let clockMs = 0; clockMs <= 31; clockMs++) {
        for (;;) {
          if (queue.cursor !== undefined && queue.size < 2 && queue.cursor.dueMs <= clockMs + 1) read(rows(), queue, 3)
          const some = queue.take(clockMs, 2)
          if (some.length === 0 && !(queue.cursor !== undefined && queue.cursor.dueMs <= clockMs)) break
          for (const who of some) if (stored.delete(who)) taken.push(who)
        }
        // Stored at once, as a checkpoint does; of a time to come.
        for (const [who, at] of later.filter(([, due]) => due === clockMs)) {
          if (stored.has(`c${who}`)) continue
          stored.set(`c${who}`, at + (who % 5))
          queue.add(`c${who}`, at + (who % 5))
        }
      }
      for (let clockMs = 32; clockMs < 40; clockMs++) {
        for (let rounds = 0; rounds < 200; rounds++) {
          if (queue.cursor !== undefined && queue.size < 2) read(rows(), queue, 3)
          for (const who of queue.take(clockMs, 2)) if (stored.delete(who)) taken.push(who)
        }
      }
      assert.deepEqual([...stored], [], 'all have fired')
      assert(queue.size <= bound)
    }),
  )
})

test('nor where more are due at one moment than it holds, some of whom the store does not have yet', () => {
  const due = (who: string) => ({ customer: who, dueMs: 5 })
  const unsaved = new Set(['a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
  const stored = new Set(['b', 'c', 'd', 'e', 'f', 'g', 'h'])
  const queue = new TimerQueue(8, false)
  const readSome = (most: number) => {
    const past = queue.beginReading()
    for (const who of unsaved) queue.add(who, 5)
    const found = [...stored].filter((who) => past.dueMs < 5 || who > past.customer).slice(0, most)
    queue.endReading(found.map(due), found.length < most ? undefined : due(found.at(-1)!))
  }
  for (let round = 0; round < 10; round++) {
    if (queue.cursor !== undefined && queue.size < 2) readSome(4)
    for (const who of queue.take(5, 2)) {
      unsaved.delete(who)
      stored.delete(who)
    }
  }
  assert.deepEqual([...unsaved, ...stored], [])
})
