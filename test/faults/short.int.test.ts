import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { missingTools } from '../../src/tools/stack/stack.ts'
import { type ChaosReport, faultsOf, runChaos } from './chaos.ts'

const { jdk, maven } = missingTools()
const skip = (jdk || maven) && process.env['CI'] === undefined && 'without Java 17 and Maven there is no Kafka to kill'

/**
 * `npm run faults` in small: servers of its own, since it kills them. A freeze must outlast a session of 10 s, so that
 * a round takes 16 s. Five of them, so that ten fenced commits do not hang on the pace of the machine: three gave 7 to 15.
 */
describe('workers that are killed, frozen and drained', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-faults-'))
  const lines: string[] = []
  let report: ChaosReport

  before(async () => {
    report = await runChaos({
      seed: 1,
      seconds: 80,
      rate: 400,
      workers: 6,
      roundSeconds: 16,
      kills: 7,
      freezes: 5,
      brokers: 1,
      brokerEnds: 0,
      clickhouseAwaySeconds: 8,
      mode: 'partition',
      change: 'none',
      folder,
      say: (line) => lines.push(line),
    })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('meets what it is made for', () => {
    const { kills, freezes, fenced, broker_ends, clickhouse_outages, actions_expected } = report
    const told = `${JSON.stringify(report)}\n${lines.join('\n')}`
    assert.ok(kills >= 20 && freezes >= 15 && fenced >= 10 && broker_ends === 1 && clickhouse_outages === 1, told)
    assert.ok(actions_expected > 200, told)
    assert.ok(report.timers_fired > 200, told)
    assert.ok(report.erasures > 10, told)
  })

  it('loses, repeats and misorders nothing', () => {
    const wrong = Object.entries(faultsOf(report)).filter(([, count]) => count > 0)
    assert.deepEqual(wrong, [], lines.join('\n'))
  })
})
