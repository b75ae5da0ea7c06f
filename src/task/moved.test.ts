import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { commitMetadata } from '../journal/commit-metadata.ts'
import { partitionOfKey } from '../log/murmur2.ts'
import type { StoredProfile } from '../store/profile-store.ts'
import { transactionalId } from './committed.ts'
import { turn, World } from './test-world.ts'

const minimal = fileURLToPath(new URL('../../../examples/minimal/beckon.yaml', import.meta.url))
const position = 50
const customers = Array.from({ length: 12 }, (_, i) => `u${i}`)
/** Already in the profiles: they belonged here when there were 3 partitions. */
const taken = customers.filter((customer) => partitionOfKey(customer, 3) === 0)
const others = customers.filter((customer) => !taken.includes(customer))

describe('a task of a partition to which customers have moved', () => {
  let world: World
  let until: number

  /** The checkpoint after the move: back at the beginning, with the records that belonged here before already taken. */
  async function checkpoint(): Promise<StoredProfile> {
    const moved = { from: 3, position, takenBefore: { events: until } }
    const state = { offsets: { events: 0 }, clockMs: 0, digest: '', journalOffset: 0, partitions: 1, moved }
    const row = { customer: '', streamTimeMs: 0, policy: '', notReady: [], erasedBefore: 0, deleted: false }
    return { ...row, version: position, state: encodeCheckpoint(state) }
  }

  async function commit(offset: number): Promise<void> {
    const writer = await world.log.openWriter(transactionalId('group', 0))
    const metadata = commitMetadata(Date.now(), position, -1)
    await writer.commit({ records: [], groupId: 'group', topic: 'events', partition: 0, nextOffset: offset, metadata })
  }

  beforeEach(async () => {
    world = new World(minimal)
    await world.open()
    for (const customer of [...customers, ...taken]) await world.happens('view', `${customer} 1`, Date.now(), customer)
    until = customers.length + taken.length
  })

  async function openTask() {
    world.meanwhile = checkpoint
    const task = world.task()
    task.start()
    while (task.state === 'opening') await new Promise((resolve) => setTimeout(resolve, 1))
    return task
  }

  it('does not open before the move has ended', async () => {
    const task = await openTask()
    assert.equal(task.state, 'failed')
    assert.equal(task.failure!.reason, 'partitions')
    assert.match(task.failure!.hint, /being moved: end that with beckon repartition --to 1$/)
  })

  it('takes what was not taken before and skips the rest, and so does a replay', async () => {
    await commit(0)
    const task = await openTask()
    await task.onBatch(await world.batch(0, until), turn)
    assert.equal(task.profilesInMemory, others.length)
    assert.equal(await world.committed(), until, 'past the last records, which are not its own')
    await world.happens('view', 'later', Date.now(), taken[0])
    await task.onBatch(await world.batch(until, until + 1), turn)
    assert.equal(task.profilesInMemory, others.length + 1)

    const again = await openTask()
    assert.equal(again.state, 'running', String(again.failure))
    assert.equal(again.profilesInMemory, others.length + 1)
    assert.equal(again.nextOffset('events'), until + 1)
  })
})
