import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RecordBatch } from '../events/log.ts'
import type { Checkpoint } from '../journal/checkpoint.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { partitionOfKey } from '../log/murmur2.ts'
import { Homes } from './homes.ts'

const blank: Checkpoint = { offsets: {}, clockMs: 0, digest: '', journalOffset: 0, partitions: 4 }

async function batchOf(partition: number, keys: readonly (string | null)[]): Promise<RecordBatch> {
  const log = new MemoryLog(() => 0)
  await log.createTopics([{ topic: 't', partitions: 8 }])
  await log.append(keys.map((key) => ({ topic: 't', partition, key, value: Buffer.from('x'), headers: {} })))
  for await (const batch of log.read('t', partition, 0, keys.length)) return batch
  throw new Error('nothing was written')
}

const offsetsOf = (batch: RecordBatch) => Array.from({ length: batch.count }, (_, i) => batch.offset(i))

describe("a partition's own records", () => {
  it('are all records where customers never moved, and outside of the offsets that a move affects', async () => {
    assert.equal(Homes.of(1, undefined), undefined)
    assert.equal(Homes.of(1, blank), undefined)
    const batch = await batchOf(1, ['a', 'b', 'c'])
    const move = Homes.of(1, { ...blank, move: { to: 6, ownFrom: { t: 3 } } })!
    assert.equal(move.own(batch), batch)
    const moved = Homes.of(1, { ...blank, partitions: 6, moved: { from: 4, position: 9, takenBefore: { other: 3 } } })!
    assert.equal(moved.own(batch), batch)
  })

  it('are each taken once, before or after the move, whatever number of partitions they were written under', async () => {
    const record = fc.record({ key: fc.option(fc.string({ maxLength: 3 })), isNew: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 2 }),
        fc.nat(),
        async (records, from, more, seed) => {
          const partition = seed % from
          const keys = records.map(({ key }) => key)
          const batch = await batchOf(partition, keys)
          const first = Math.min(seed % 5, keys.length)
          const draining = { ...blank, partitions: from, move: { to: from + more, ownFrom: { t: first } } }
          const moved = { from, position: 99, takenBefore: { t: keys.length } }
          const before = offsetsOf(Homes.of(partition, draining)!.own(batch))
          const after = offsetsOf(Homes.of(partition, { ...blank, partitions: from + more, moved })!.own(batch))
          // After the move, the service starts at the offset from which only its own records were taken before.
          const taken = [...before, ...after.filter((offset) => offset >= first)]
          assert.deepEqual(
            taken.sort((a, b) => a - b),
            keys.map((_, i) => i),
          )
          for (const offset of before) {
            const key = keys[offset]!
            if (offset >= first && key !== null) assert.equal(partitionOfKey(key, from), partition)
          }
        },
      ),
    )
  })
})
