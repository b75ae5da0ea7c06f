import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { loadConfig } from '../config/load.ts'
import type { Log } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { connectLog } from './connect.ts'
import { eventsCommand } from './events.ts'
import { migrateCommand } from './migrate.ts'
import { createSetup, runInProcess, type Setup, skip } from './test-setup.ts'

describe('beckon events', { skip }, () => {
  let setup: Setup
  let log: Log
  let clicks: string
  const atMs = Date.UTC(2026, 2, 1)
  before(async () => {
    setup = createSetup()
    clicks = `${setup.name}.clicks`
    const mapping = { customer: '$key', type: 'what', time: '$timestamp' }
    setup.configure({
      topics: [
        { name: clicks, format: 'json', mapping },
        { name: `${setup.name}.orders`, format: 'json' },
      ],
    })
    await runInProcess(migrateCommand(), '-c', setup.configFile, '--topics', '--partitions', '2', '--replicas', '1')
    log = await connectLog(loadConfig(setup.configFile, {}).config, createLogger('silent'))
    const record = (key: string | Buffer, value: object, timestampMs: number) => {
      return { topic: clicks, partition: 1, key, value: Buffer.from(JSON.stringify(value)), headers: {}, timestampMs }
    }
    await log.append([
      record('ann', { what: 'view', price: 5 }, atMs),
      record(Buffer.from([0, 255]), { what: 'view' }, atMs + 1),
      record('bob', { what: 'buy', note: 'secret' }, atMs + 2),
    ])
  })
  after(async () => {
    await log.close()
    await setup.drop()
  })
  const events = (...args: string[]) => runInProcess(eventsCommand(), '-c', setup.configFile, ...args)

  it('shows what the service makes of the newest records, by key and timestamp, masked', async () => {
    const { out, code } = await events()
    assert.equal(code, 0)
    const lines = out.split('\n')
    assert.equal(lines[0], `${clicks}-1@0  event  2026-03-01T00:00:00.000Z  view`)
    assert.match(out, /^ {2}properties +price: number$/m)
    assert.ok(lines.includes(`${clicks}-1@1  dead letter  utf8: the record's key is not text: customer, from $key`))
    assert.equal(lines.at(-1), `no records in ${setup.name}.orders`)
    assert.doesNotMatch(out, /\bann\b|\bbob\b|secret/)
    assert.deepEqual((await log.committedOffsets(setup.name, [clicks], 1))[0]!.offset, null)
  })

  it('is a JSON line a record, with values where asked, of the newest or from an offset on', async () => {
    const { out } = await events('--topic', clicks, '--show', '1', '--unmasked', '--json')
    const seen = JSON.parse(out)
    assert.deepEqual([seen.offset, seen.event.customer, seen.event.properties], [2, 'bob', { note: 'secret' }])
    const first = await events('--topic', clicks, '--partition', '1', '--offset', '0', '-n', '1', '--json')
    assert.deepEqual(JSON.parse(first.out).event, {
      customer: 'text(3)',
      id: `text(${clicks.length + 4})`,
      properties: { price: 'number' },
    })
  })

  it('refuses what is not there', async () => {
    assert.match((await events('--topic', 'none')).err, /^no input topic none: there are /)
    assert.match((await events('--topic', clicks, '--partition', '7')).err, /has no partition 7$/)
    assert.match((await events('--offset', '3')).err, /say --partition too$/)
    assert.equal((await events('--offset', '3')).code, 2)
  })
})
