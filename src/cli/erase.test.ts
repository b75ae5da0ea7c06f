import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatErased, formatWaiting } from './erase.ts'

test('what is gone and what is left are told without the customer', () => {
  const dayMs = 86_400_000
  const text = formatErased({ events: 1_234, decisions: 5, actions: 4, consent: 3, cases: 3, profiles: 1 }, [
    { topic: 'shop.events', holds: 'the events', retentionMs: 7 * dayMs },
    { topic: 'shop.actions', holds: 'the actions', retentionMs: -1 },
    { topic: 'shop.dead', holds: 'what was bad', retentionMs: dayMs / 4 },
    { topic: 'shop.journal', holds: 'names', retentionMs: null },
  ])
  assert.deepEqual(text.split('\n'), [
    'erased     rows',
    'events     1,234',
    'decisions  5',
    'actions    4',
    'consent    3',
    'cases      3',
    'profiles   1',
    '',
    'left in Kafka  kept      holds',
    'shop.events    7 d       the events',
    'shop.actions   for ever  the actions',
    'shop.dead      6 h       what was bad',
    'shop.journal   unknown   names',
  ])
})

test('who waits for a service that does not move is told where to look', () => {
  const at = { topic: 'shop.events', partition: 3, offset: 240, storedOffset: 120 }
  const waiting = 'waiting for shop.events, partition 3: stored up to 120, the erasure is at 240'
  assert.equal(formatWaiting([{ ...at, moves: true }]), waiting)
  assert.equal(
    formatWaiting([{ ...at, moves: false }]),
    `${waiting}; it does not move: does the service run, and is it ready (/readyz)?`,
  )
})
