import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { insertRows } from '../store/clickhouse/insert.ts'
import { policiesTable } from '../store/policy-row.ts'
import { policyRow } from '../task-deps.ts'
import { checkCommand } from './check.ts'
import { openEngine } from './config-option.ts'
import { connectStore } from './connect.ts'
import { migrateCommand } from './migrate.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

describe('beckon check --against', { skip }, () => {
  let setup: Setup
  before(() => {
    setup = createSetup()
  })
  after(() => setup.drop())
  const check = (...args: string[]) => runInProcess(checkCommand(), '-c', setup.configFile, ...args)
  const features = (window: unknown) => ({ features: [{ name: 'views', count: {}, window }] })

  /** Stores what the service does when it starts with the configuration as it is. */
  async function start(): Promise<string> {
    const engine = openEngine(setup.configFile)
    const client = connectStore(engine.config)
    await insertRows(client, policiesTable, [policyRow(engine)])
    await client.close()
    return engine.policy.version
  }

  it('running fails with 1 where there are no tables, and where nothing has run', async () => {
    const { code, err } = await check('--against', 'running')
    assert.equal(code, 1)
    assert.match(err, /beckon migrate/)
    await runInProcess(migrateCommand(), '-c', setup.configFile)
    const { code: again, err: empty } = await check('--against', 'running')
    assert.deepEqual([again, empty], [1, `nothing has run yet on ${setup.name}: its table policies is empty`])
  })

  it('running compares with the rules that were started last, also when they were there before', async () => {
    setup.configure(features({ size: '1h' }))
    const first = await start()
    setup.configure(features({ size: '2h' }))
    await start()
    setup.configure({ ...features({ size: '1h' }), dedupe: { window: '2h' } })
    assert.equal(await start(), first)
    const same = await check('--against', 'running')
    assert.match(same.out, /\nagainst what runs since .* UTC, policy [0-9a-f]{32}\nfeature {2}views {2}unchanged/)
    assert.match(same.out, /\nnothing changes$/)

    setup.configure(features({ size: '2h', pane: '5m' }))
    const { out, code } = await check('--against', 'running', '--json')
    assert.equal(code, 0)
    const { against, definitions } = JSON.parse(out)
    assert.equal(against.policy, first)
    assert.deepEqual(
      against.changes.map(({ name, change, state }: Record<string, unknown>) => [name, change, state]),
      [
        ['views', 'changed', 'from_events'],
        ['hello', 'unchanged', undefined],
      ],
    )
    assert.equal(against.changes[0].version, definitions[0].version)
    assert.deepEqual(against.settings, [{ key: 'dedupe.window', from: 7_200_000, to: 3_600_000 }])
    assert.deepEqual(against.warnings, [{ action: 'hello', feature: 'views', state: 'from_events' }])
  })

  it('running fails with 1 where the rules that run are of a version that this one does not take', async () => {
    const client = connectStore(openEngine(setup.configFile).config)
    await client.insert({
      table: 'policies',
      values: [{ hash: 'later', text: '{"rules":[]}', last_seen: '2100-01-01 00:00:00' }],
      format: 'JSONEachRow',
    })
    await client.close()
    const { code, err } = await check('--against', 'running')
    assert.equal(code, 1)
    assert.match(err, /^policy later, which runs, is of a version of beckon/)
  })

  it('a file is another configuration, whose faults are faults', async () => {
    const other = `${setup.configFile}.other.yaml`
    writeFileSync(other, 'topics: []\n')
    const { code, err } = await check('--against', other)
    assert.equal(code, 2)
    assert.match(err, /other\.yaml/)
    const { out } = await check('--against', setup.configFile, '--versions')
    assert.match(out, /\nfeature {2}views {2}[0-9a-f]{12}\naction {3}hello {2}[0-9a-f]{12}\n\nagainst /)
    assert.match(out, /\nnothing changes$/)
  })
})
