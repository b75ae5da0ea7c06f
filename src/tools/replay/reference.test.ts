import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Click, generateClicks } from '../../../bench/clicks.ts'
import { referenceActions } from '../../../bench/clicks-reference.ts'
import { loadConfig } from '../../config/load.ts'
import type { PublishedAction } from '../../emit/action.ts'
import { compileEngine } from '../../engine.ts'
import type { RecordBatch } from '../../events/log.ts'
import { Pipeline } from '../../pipeline.ts'
import { readSchema } from '../../schema-files.ts'
import { compileStages } from '../../stages.ts'
import { MemoryProfiles } from './memory-profiles.ts'

const example = fileURLToPath(new URL('../../../../examples/foreign-avro/beckon.yaml', import.meta.url))
const sliceRecords = 500

/** Clicks as the records of a partition. */
function batchOf(clicks: readonly Click[]): RecordBatch {
  return {
    topic: 'clicks',
    partition: 0,
    startOffset: 0,
    count: clicks.length,
    nextOffset: clicks.length,
    highWatermark: clicks.length,
    offset: (i) => i,
    timestamp: (i) => clicks[i]!.loggedMs,
    key: (i) => Buffer.from(clicks[i]!.customer),
    value: (i) => clicks[i]!.value,
    headers: () => [],
  }
}

describe('a topic of foreign events', () => {
  it('gives the actions of the reference to the last one: 200,000 clicks of 10,000 customers, 1 % of them late', () => {
    const clicks = [...generateClicks({ count: 200_000, customers: 10_000, seed: 1 })]
    const engine = compileEngine(loadConfig(example, {}))
    const wire = { schemaId: 1, schema: readSchema('action') }
    const pipeline = new Pipeline(compileStages(engine, { wire }))
    const profiles = new MemoryProfiles([])
    const batch = batchOf(clicks)
    const actions: PublishedAction[] = []
    let records = 0
    let late = 0
    for (let from = 0; from < clicks.length; from += sliceRecords) {
      const nowMs = clicks[from + sliceRecords - 1]!.loggedMs
      const decoded = pipeline.decode(batch, from, from + sliceRecords, nowMs)
      const result = pipeline.fold(batch, from, decoded, profiles, nowMs)
      assert.deepEqual(result.faults, [])
      assert.equal(result.tally.deadLetters.size, 0)
      actions.push(...result.actions)
      records += result.records.length
      late += result.tally.late
    }
    const got = actions.map(({ action, customer, offset, time }) => ({ customer, action, index: offset, timeMs: time }))
    const expected = referenceActions(clicks)
    assert.ok(expected.length > 5_000, `${expected.length}`)
    assert.deepEqual(inOrder(got), inOrder(expected))
    assert.equal(records, expected.length, 'each action is a record')
    assert.equal(late, 0, 'all panes of late clicks are kept')
  })
})

/** Those of one click by name; the order of the clicks is left as it is. */
function inOrder(actions: readonly { readonly index: number; readonly action: string }[]) {
  return actions.map((action) => ({ ...action })).sort((a, b) => a.index - b.index || (a.action < b.action ? -1 : 1))
}
