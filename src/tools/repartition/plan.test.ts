import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Checkpoint } from '../../journal/checkpoint.ts'
import { planRepartition, type Saved } from './plan.ts'
import { checkPlacement } from './repartition.ts'

const topic = (name: string, partitions: number) => ({ topic: name, id: name, partitions })
function saved(count: number, more: Partial<Checkpoint> = {}, position = 7): Saved[] {
  return Array.from({ length: count }, (_, partition) => ({
    partition,
    position,
    checkpoint: { offsets: { a: 5 }, clockMs: 0, digest: '', journalOffset: 0, partitions: count, ...more },
  }))
}
const found = (a: number, b: number, journal: number, all: readonly Saved[]) => ({
  inputs: [topic('a', a), topic('b', b)],
  journal: topic('j', journal),
  saved: all,
})

test('what is to grow is given the number, and what has it already is left', () => {
  const plan = { step: 'move', from: 4, to: 6 }
  assert.deepEqual(planRepartition(6, found(4, 4, 4, saved(4))), { ...plan, grow: ['a', 'b', 'j'] })
  assert.deepEqual(planRepartition(6, found(6, 4, 8, saved(4))), { ...plan, grow: ['b'] })
  const underWay = saved(4, { move: { to: 6, ownFrom: { a: 5 } } })
  assert.deepEqual(planRepartition(6, found(6, 6, 6, underWay)), { ...plan, grow: [] })
})

test('of a move that has got so far only the end is left, and of one that has ended nothing', () => {
  const moved = { from: 4, position: 7, takenBefore: {} }
  assert.deepEqual(planRepartition(6, found(6, 6, 6, saved(6, { moved }))), {
    step: 'finish',
    from: 4,
    to: 6,
    grow: [],
  })
  const gone = planRepartition(6, found(6, 6, 6, saved(6, { moved }, 8)))
  assert.deepEqual(gone, { step: 'done', from: 6, to: 6, grow: [] })
})

test('what would be a guess is refused, with the mend', () => {
  const move = { to: 8, ownFrom: {} }
  const moved = { from: 2, position: 3, takenBefore: { a: 6 } }
  for (const [to, world, why] of [
    [6, found(4, 4, 4, []), /no profiles are stored yet/],
    [6, found(4, 4, 4, [...saved(4), ...saved(5)]), /speak of 4 and 5 partitions/],
    [3, found(4, 4, 4, saved(4)), /can only become more/],
    [6, found(5, 4, 4, saved(4)), /a has 5 partitions, which is neither 4 nor 6: --to 5/],
    [6, found(4, 3, 4, saved(4)), /b has 3 partitions, which is neither 4 nor 6$/],
    [6, found(8, 8, 8, saved(4, { move })), /being moved to 8 partitions: end that with --to 8/],
    [6, found(4, 4, 4, saved(4, { moved })), /partition 0 has not yet taken .* let the service run/],
  ] as const) {
    assert.throws(() => planRepartition(to, world), why)
  }
})

test('a hundredth of the profiles may lie elsewhere, as leftovers; more are placed by another rule', () => {
  checkPlacement({ customers: 0, moving: 0, strays: 0 })
  checkPlacement({ customers: 99, moving: 50, strays: 1 })
  assert.throws(() => checkPlacement({ customers: 98, moving: 50, strays: 2 }), /2 of 100 profiles .* murmur2/)
})
