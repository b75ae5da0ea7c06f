import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { partitionOfKey } from '../../log/murmur2.ts'
import { type Erased, type ErasureStore, eraseCustomer, type Rows, type Waiting } from './erase.ts'

const customer = 'c-1'
const topics = ['clicks', 'taps']
const home = partitionOfKey(customer, 4)
const away = (home + 1) % 4
const none: Rows = { events: 0, decisions: 0, actions: 0, consent: 0, cases: 0, profiles: 0 }

/** What the tables say; the service is `behind` looks late, and `heeds` tombstones or passes over them. */
function storeOf({ partitions = [] as number[], rows = none, behind = 0, heeds = true, late = none } = {}) {
  const calls: string[] = []
  let counts = [rows, late]
  let looks = 0
  const names = (all: readonly Erased[]) => all.map(({ partition, before }) => `${partition}<${before}`).join()
  const store: ErasureStore = {
    partitions: async () => partitions,
    profiles: async () => rows.profiles,
    async progress() {
      // The first look at each partition is from before the tombstones.
      const isThere = looks++ >= behind + new Set([...partitions, home]).size
      return { position: 7, offsets: isThere ? { clicks: 1, taps: 1 } : {} }
    },
    erased: async (_, those) => those.map((partition) => ({ partition, before: heeds ? 9 : 7 })),
    async count(_, erased) {
      calls.push(`count ${names(erased)}`)
      const [first, ...rest] = counts
      counts = rest
      return first!
    },
    async delete(_, erased) {
      calls.push(`delete ${names(erased)}`)
    },
    async deleteMarks(_, erased) {
      calls.push(`marks ${names(erased)}`)
    },
  }
  return { store, calls }
}

async function erase(store: ErasureStore, of = customer) {
  const log = new MemoryLog(() => 0)
  await log.createTopics(topics.map((topic) => ({ topic, partitions: 4 })))
  const told: Waiting[][] = []
  const rows = await eraseCustomer(log, store, {
    topics,
    customer: of,
    lookMs: 0,
    onWaiting: (waiting) => told.push([...waiting]),
  })
  const tombstones: string[] = []
  for (const topic of topics) {
    for (let partition = 0; partition < 4; partition++) {
      for await (const batch of log.read(topic, partition, 0, 10)) {
        for (let i = 0; i < batch.count; i++) {
          assert.deepEqual([String(batch.key(i)), batch.value(i)], [of, null])
          tombstones.push(`${topic}/${partition}@${batch.offset(i)}`)
        }
      }
    }
  }
  return { rows, tombstones: tombstones.sort(), told }
}

test('a tombstone goes where the customer is known and where the next event would go; then the rows before it are deleted', async () => {
  const rows = { events: 5, decisions: 2, actions: 1, consent: 4, cases: 1, profiles: 2 }
  const { store, calls } = storeOf({ partitions: [away], rows })
  const { rows: gone, tombstones } = await erase(store)
  assert.deepEqual(gone, rows)
  const everywhere = topics.flatMap((topic) => [`${topic}/${home}@0`, `${topic}/${away}@0`])
  assert.deepEqual(tombstones, everywhere.sort())
  const erased = `${away}<9,${home}<9`
  assert.deepEqual(calls, [`count ${erased}`, `delete ${erased}`, `count ${erased}`, `marks ${erased}`])
})

test('row 53: erasing a customer whom nobody knows succeeds', async () => {
  const { rows, tombstones } = await erase(storeOf().store)
  assert.deepEqual(rows, none)
  assert.equal(tombstones.length, topics.length)
})

test('it waits until what lies before the tombstones is stored, and says for whom', async () => {
  const { store, calls } = storeOf({ behind: 50 })
  const { told } = await erase(store)
  const [first, second] = told
  assert.deepEqual(
    first?.map(({ topic, partition, offset, storedOffset, moves }) => [topic, partition, offset, storedOffset, moves]),
    topics.map((topic) => [topic, home, 0, 0, true]),
  )
  assert.deepEqual(
    second?.map(({ moves }) => moves),
    [false, false],
  )
  assert.equal(calls.length, 4, 'and then goes on')
})

test('nothing is deleted that could come back', async () => {
  const heedless = storeOf({ heeds: false })
  await assert.rejects(erase(heedless.store), /passed the tombstones of partition \d and erased nobody/)
  assert.deepEqual(heedless.calls, [])
  const { store, calls } = storeOf({ late: { ...none, events: 2 } })
  await assert.rejects(erase(store), /2 rows were written while they were deleted/)
  assert.equal(
    calls.some((call) => call.startsWith('marks')),
    false,
    'what hides them stays',
  )
  for (const nobody of ['', 'null', 'x'.repeat(300)]) {
    await assert.rejects(erase(storeOf().store, nobody), /no customer's id/)
  }
})
