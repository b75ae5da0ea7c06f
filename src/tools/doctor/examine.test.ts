import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogError } from '../../log/log.ts'
import { type Check, fail, ok, skip, warn } from './check.ts'
import { examine } from './examine.ts'
import { formatFindings } from './format.ts'
import { World } from './world.ts'

const world = new World({
  configFile: 'none.yaml',
  env: {},
  kafkaOptions: () => assert.fail('not asked for'),
  openLog: () => assert.fail('not asked for'),
  openRegistry: () => undefined,
})

const statuses = async (checks: readonly Check[]) =>
  (await examine(checks, world, 50)).map(({ check, status }) => `${check} ${status}`)

describe('examining', () => {
  it('goes on past what fails, and skips what can not be told then', async () => {
    const checks: Check[] = [
      { name: 'a', run: () => fail('broken', 'mend it') },
      { name: 'b', run: () => ok('fine') },
      { name: 'c', needs: ['a', 'b'], run: () => assert.fail('must not run') },
      { name: 'd', needs: ['c'], run: () => assert.fail('must not run') },
      { name: 'e', needs: ['b'], run: () => warn('so so', 'look at it') },
      { name: 'f', needs: ['e'], run: () => ok('fine') },
    ]
    assert.deepEqual(await statuses(checks), ['a fail', 'b ok', 'c skip', 'd skip', 'e warn', 'f ok'])
  })

  it('waits only so long for an answer', async () => {
    const [finding] = await examine([{ name: 'a', run: () => new Promise(() => undefined) }], world, 20)
    assert.deepEqual([finding!.status, finding!.detail], ['fail', 'no answer within 0.02 s'])
  })

  it('makes a finding of whatever is thrown', async () => {
    const checks: Check[] = [
      { name: 'config', run: ({ config }) => ok(String(config)) },
      { name: 'kafka', run: () => Promise.reject(new LogError('refused', 'denied')) },
      { name: 'bug', run: () => assert.fail('oops') },
    ]
    const [config, kafka, bug] = await examine(checks, world)
    assert.match(config!.detail, /none\.yaml: no such file/)
    assert.match(config!.mend!, /beckon check/)
    assert.match(kafka!.mend!, /rights/)
    assert.match(bug!.mend!, /report it/)
  })
})

describe('findings for people', () => {
  it('are aligned, each with its mend below it', () => {
    const text = formatFindings([
      { check: 'node', ...ok('Node 20') },
      { check: 'brokers', ...fail('first\nsecond', 'start them') },
      { check: 'lag', ...skip('needs brokers') },
    ])
    assert.deepEqual(stripColors(text).split('\n'), [
      'ok    node     Node 20',
      'fail  brokers  first',
      '               second',
      '               mend: start them',
      'skip  lag      needs brokers',
      '1 failed, 0 to look at, 1 ok',
    ])
  })
})

function stripColors(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are.
  return text.replace(/\u001b\[\d+m/g, '')
}
