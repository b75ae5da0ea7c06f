import assert from 'node:assert/strict'
import { after, before, mock, test } from 'node:test'
import { type Log, LogError, type TopicState } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { TopicWatch } from './topic-watch.ts'

const there: readonly TopicState[] = [
  { topic: 'clicks', id: 'a', partitions: 4 },
  { topic: 'orders', id: 'b', partitions: 4 },
  { topic: 'journal', id: 'c', partitions: 6 },
  { topic: 'actions', id: 'd', partitions: 1 },
]
const away = new LogError('unavailable', 'no broker')

let nowMs = 0
before(() => mock.method(performance, 'now', () => nowMs))
after(() => mock.restoreAll())

/** Looks once for each answer, every 5 s. @returns the reported changes, the watch, and how many looks were answered */
async function looks(...answers: readonly (readonly TopicState[] | LogError)[]) {
  return looksEvery(5_000, ...answers)
}

async function looksEvery(everyMs: number, ...answers: readonly (readonly TopicState[] | LogError)[]) {
  const told: string[] = []
  let answered = 0
  const left = [...answers]
  const topics = async () => {
    const answer = left.shift()!
    if (answer instanceof LogError) throw answer
    return answer
  }
  const watch = new TopicWatch({
    log: { topics } as unknown as Log,
    inputs: ['clicks', 'orders'],
    journal: 'journal',
    rules: 'rules',
    outputs: ['actions'],
    partitions: 4,
    logger: createLogger('silent'),
    onAnswer: () => answered++,
    onChange: ({ reason, hint }) => told.push(`${reason}: ${hint}`),
  })
  for (const _ of answers) {
    nowMs += everyMs
    await watch.look()
  }
  nowMs += 1
  return { told, watch, answered }
}

const but = (topic: string, change: Partial<TopicState>) =>
  there.map((state) => (state.topic === topic ? { ...state, ...change } : state))
const without = (name: string) => there.filter(({ topic }) => topic !== name)

test('nothing is reported for topics that stay as they are, nor for brokers that do not answer for a while', async () => {
  const { told, watch } = await looks(there, away, away, there)
  assert.deepEqual(told, [])
  assert.equal(watch.silentMs, 0)
  assert.equal(watch.idOf('orders'), 'b')
})

test('each look that a broker has answered is reported', async () => {
  assert.equal((await looks(there, there, away, there)).answered, 3)
})

test('while no broker answers, it tells for how long', async () => {
  const { watch } = await looks(there, away)
  assert.ok(watch.silentMs > 0)
})

const changes: [string, readonly TopicState[], RegExp][] = [
  ['another topic under the name', but('orders', { id: 'z' }), /^ahead: orders was deleted and created anew/],
  ['more partitions of one input', but('clicks', { partitions: 5 }), /^partitions: clicks had 4 .* now has 5/],
  ['fewer partitions', but('clicks', { partitions: 3 }), /^partitions: clicks had 4 .* now has 3/],
  [
    'a journal with too few partitions',
    but('journal', { partitions: 3 }),
    /^partitions: the journal journal now has 3/,
  ],
]
for (const [what, answer, wanted] of changes) {
  test(`${what} is reported`, async () => {
    const { told } = await looks(there, answer)
    assert.equal(told.length, 1)
    assert.match(told[0]!, wanted)
  })
}

test('more partitions of the journal or of the actions, or another journal, are no reason to stop', async () => {
  const { told } = await looks(
    there,
    but('journal', { partitions: 9, id: 'y' }),
    but('actions', { partitions: 9, id: 'x' }),
  )
  assert.deepEqual(told, [])
})

test('an input topic counts as deleted after three looks and 10 s without it: a broker that starts does not know all topics', async () => {
  const gone = without('clicks')
  assert.deepEqual((await looks(there, gone, gone, there, gone, gone)).told, [])
  const { told, watch } = await looks(there, gone, gone, gone)
  assert.match(told[0]!, /^deleted: clicks is not there/)
  assert.deepEqual(watch.missing, ['clicks'])
  assert.deepEqual((await looksEvery(100, there, gone, gone, gone, gone)).told, [], 'all within a moment')
})

test('an output topic that is gone is named, and stops nothing', async () => {
  const gone = without('actions')
  const { told, watch } = await looks(there, gone, gone, gone, gone)
  assert.deepEqual([told, watch.missing], [[], ['actions']])
})
