import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { missingTools } from '../../src/tools/stack/stack.ts'
import { type ChaosReport, faultsOf, runChaos } from './chaos.ts'

const { jdk, maven } = missingTools()
const skip = (jdk || maven) && process.env['CI'] === undefined && 'without Java 17 and Maven there is no Kafka to kill'

/** `npm run faults -- --brokers 3` in small. */
describe('brokers that are killed and asked to end, one after the other', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-brokers-'))
  const lines: string[] = []
  let report: ChaosReport

  before(async () => {
    report = await runChaos({
      seed: 1,
      seconds: 40,
      rate: 200,
      workers: 2,
      roundSeconds: 40,
      kills: 2,
      freezes: 0,
      brokers: 3,
      brokerEnds: 4,
      clickhouseAwaySeconds: 3,
      mode: 'partition',
      change: 'none',
      folder,
      say: (line) => lines.push(line),
    })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('move leaders, while workers are killed', () => {
    const { kills, broker_ends, broker_kills, moved_leaders, actions_expected, timers_fired } = report
    const told = `${JSON.stringify(report)}\n${lines.join('\n')}`
    assert.ok(broker_ends === 4 && broker_kills === 2 && kills === 2, told)
    // Each led some partitions of the topics and of the internal ones.
    assert.ok(moved_leaders > broker_ends, told)
    assert.ok(actions_expected > 50 && timers_fired > 50, told)
  })

  it('and nothing is lost, repeated or misordered', () => {
    const wrong = Object.entries(faultsOf(report)).filter(([, count]) => count > 0)
    assert.deepEqual(wrong, [], lines.join('\n'))
  })
})
