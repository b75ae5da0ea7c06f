import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { migrateCommand } from './migrate.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

describe('beckon migrate', { skip }, () => {
  let setup: Setup
  beforeEach(() => {
    setup = createSetup()
  })
  afterEach(() => setup.drop())
  const migrate = (...args: string[]) => runInProcess(migrateCommand(), '-c', setup.configFile, ...args)

  it('says each step; a dry run says the same and does nothing', async () => {
    const dry = await migrate('--dry-run')
    const real = await migrate()
    assert.match(dry.out, /^would apply 0001_\w+\nwould apply 0002_/)
    assert.equal(real.out, dry.out.replaceAll('would apply', 'applying'))
    assert.equal(real.code, 0)
    assert.equal((await migrate()).out, `the tables of ${setup.name} are up to date`)
  })

  it('creates the topics that are missing, alike the inputs that exist, and leaves those alone', async () => {
    const before = await migrate('--topics', '--dry-run', '--json')
    assert.deepEqual(JSON.parse(before.out).topics_created.length, 6)
    const first = await migrate('--topics', '--partitions', '3', '--replicas', '1', '--json')
    const names = ['clicks', 'orders', 'actions', 'dead', 'journal', 'rules'].map((topic) => `${setup.name}.${topic}`)
    assert.deepEqual(JSON.parse(first.out).topics_created, names)
    setup.configure({
      output: {
        actions: `${setup.name}.more`,
        dead_letters: `${setup.name}.dead`,
        journal: `${setup.name}.journal`,
        rules: `${setup.name}.rules`,
      },
    })
    const second = await migrate('--topics')
    assert.match(second.out, new RegExp(`created topic ${setup.name}.more with 3 partitions`))
    assert.match(second.out, new RegExp(`topic ${setup.name}.clicks exists with 3 partitions`))
    assert.match(second.out, new RegExp(`topic ${setup.name}.rules exists with 1 partition$`))
    const third = await migrate('--topics', '--partitions', '4')
    assert.match(third.err, /an input topic has 3 partitions already/)
    assert.equal(third.code, 2)
  })

  it('tells a server that is away in one line', async () => {
    setup.configure({ clickhouse: { url: 'http://127.0.0.1:1', database: setup.name } })
    const { err, code } = await migrate()
    assert.match(err, /^ClickHouse unavailable: ECONNREFUSED[^\n]*$/)
    assert.equal(code, 1)
  })
})
