import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadConfig } from '../config/load.ts'
import { deadLetter } from '../emit/dead-letter.ts'
import { Rejected } from '../ingest/rejected.ts'
import type { Log } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { connectLog } from './connect.ts'
import { dlqCommand } from './dlq.ts'
import { migrateCommand } from './migrate.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

describe('beckon dlq', { skip }, () => {
  let setup: Setup
  let log: Log
  let clicks: string
  before(async () => {
    setup = createSetup()
    clicks = `${setup.name}.clicks`
    await runInProcess(migrateCommand(), '-c', setup.configFile, '--topics', '--partitions', '2', '--replicas', '1')
    log = await connectLog(loadConfig(setup.configFile, {}).config, createLogger('silent'))
    const values = ['secret-a', 'secret-b', 'secret-c'].map((text) => Buffer.from(text))
    await log.append(
      values.map((value) => ({ topic: clicks, partition: 1, key: 'ann', value, headers: { ce_id: '1' } })),
    )
    for await (const batch of log.read(clicks, 1, 0, 3)) {
      for (let i = 0; i < batch.count; i++) {
        const why = new Rejected(batch.offset(i) === 2 ? 'truncated' : 'json', 'a fixed text')
        await log.append([deadLetter(`${setup.name}.dead`, batch, i, why, 1_700_000_000_000 + i)])
      }
    }
  })
  after(async () => {
    await log.close()
    await setup.drop()
  })
  const dlq = (name: string, ...args: string[]) => runInProcess(dlqCommand(), name, '-c', setup.configFile, ...args)

  it('lists reasons and places, and values only on request', async () => {
    const { out } = await dlq('list')
    assert.match(out, /^json {7}2\ntruncated {2}1\n/)
    assert.match(out, new RegExp(`\\n2023-11-14T22:13:20.002Z {2}truncated {2}${clicks}-1@2 `))
    assert.doesNotMatch(out, /secret|ann|c2VjcmV0/)
    const shown = await dlq('list', '--show-values', '--limit', '1', '--json')
    const { reasons, dead_letters: letters } = JSON.parse(shown.out)
    assert.deepEqual(reasons, { json: 2, truncated: 1 })
    assert.equal(letters.length, 1)
    assert.equal(Buffer.from(letters[0].value, 'base64').toString(), 'secret-c')
  })

  it('redrives each once, those of one reason first', async () => {
    assert.equal((await dlq('redrive', '--reason', 'json', '--dry-run')).out, '2 would be redriven')
    assert.equal((await dlq('redrive', '--reason', 'json')).out, '2 redriven')
    assert.equal((await dlq('redrive')).out, '1 redriven')
    const last = await dlq('redrive', '--json')
    assert.equal(JSON.parse(last.out).redriven, 0)
    const values: string[] = []
    const { high } = await log.offsets(clicks, 1)
    for await (const batch of log.read(clicks, 1, 3, high)) {
      for (let i = 0; i < batch.count; i++) {
        values.push(String(batch.value(i)))
        const names = batch.headers(i).map(({ name }) => name)
        assert.deepEqual(names, ['ce_id', 'beckon.redriven'])
      }
    }
    assert.deepEqual(values.sort(), ['secret-a', 'secret-b', 'secret-c'])
  })

  it('refuses a reason that there is not, and names a topic that is missing', async () => {
    const wrong = await dlq('list', '--reason', 'nonsense')
    assert.match(wrong.err, /Allowed choices are tombstone, /)
    setup.configure({ output: { dead_letters: `${setup.name}.none` } })
    const { err, code } = await dlq('list')
    assert.match(err, new RegExp(`${setup.name}.none`))
    assert.equal(code, 1)
  })
})
