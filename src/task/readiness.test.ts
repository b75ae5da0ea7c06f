import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TaskFailure } from './failure.ts'
import { readiness } from './readiness.ts'

const task = (partition: number, state: 'closed' | 'opening' | 'running' | 'failed', failure?: TaskFailure) => ({
  at: { partition },
  state,
  failure,
  waitsFor: state === 'running' ? '' : 'the checkpoint is read from ClickHouse',
  stateMs: () => 12_345,
})
const well = {
  isMember: true,
  failure: undefined,
  kafkaSilentMs: 0,
  missing: [],
  tasks: [task(0, 'running')],
  unansweredMs: () => 130,
}

test('it is ready when all its partitions are running, and when it has none: then it is on standby', () => {
  assert.deepEqual(readiness(well), { ok: true, detail: { partitions: [{ partition: 0, state: 'running' }] } })
  assert.equal(readiness({ ...well, tasks: [] }).ok, true)
})

test('a partition that opens says what it waits for, and how long', () => {
  const { ok, detail } = readiness({ ...well, tasks: [task(0, 'running'), task(3, 'opening')] })
  assert.equal(ok, false)
  const reason = 'the checkpoint is read from ClickHouse'
  assert.deepEqual((detail['partitions'] as unknown[])[1], { partition: 3, state: 'opening', reason, seconds: 12 })
})

const failure = new TaskFailure('partitions', 'clicks had 4 partitions and now has 5')
const reasons: [string, Partial<typeof well> & { failure?: TaskFailure }, RegExp][] = [
  ['the group has not been joined', { isMember: false }, /the group has not been joined/],
  ['no broker answers', { kafkaSilentMs: 11_000 }, /no broker has answered for 11 s/],
  ['a topic is not there', { missing: ['actions'] as never[] }, /actions is not there/],
  ['everything stopped', { failure: failure as never, isMember: false }, /"reason":"partitions","hint":"clicks had 4/],
  ['no fetch is answered', { unansweredMs: () => 10_600 }, /no fetch was answered for 11 s/],
]
for (const [what, change, wanted] of reasons) {
  test(`it is not ready where ${what}, and says so`, () => {
    const { ok, detail } = readiness({ ...well, ...change })
    assert.equal(ok, false)
    assert.match(JSON.stringify(detail), wanted)
  })
}

test('an answer that takes a while is not a reason yet', () => {
  assert.equal(readiness({ ...well, kafkaSilentMs: 9_000, unansweredMs: () => 9_000 }).ok, true)
})
