import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegistryError } from './ingest/registry/registry.ts'
import { LogError } from './log/log.ts'
import { createLogger } from './ops/logger.ts'
import { Outages } from './ops/outages.ts'
import { toStoreError } from './store/clickhouse/client.ts'
import { StoreError } from './store/store-error.ts'
import { troubleOf } from './trouble.ts'

const away = () => new StoreError('unavailable', 0, 'ECONNREFUSED', 'q')

function outages() {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) })
  const addresses = { clickhouse: 'ch:8123', kafka: 'a:9092,b:9092', registry: 'reg:8081' }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 1))
  const told = () => lines.map(({ event, address }) => [event, address])
  return { lines, told, settled, outages: new Outages(logger, addresses, troubleOf, 0) }
}

test('an outage has one log line when it begins and one when it is over, however many calls fail', async () => {
  const { lines, told, settled, outages: log } = outages()
  for (let partition = 0; partition < 100; partition++) {
    log.warn('dependency.wait', { partition, error: away() })
    log.warn('insert.failed', { table: 'events', error: away() })
  }
  log.answered('clickhouse')
  log.warn('insert.failed', { error: away() })
  await settled()
  assert.equal(lines.length, 1, 'some were answered, others were not')
  log.answered('clickhouse')
  log.answered('clickhouse')
  await settled()
  assert.deepEqual(told(), [
    ['clickhouse.away', 'ch:8123'],
    ['clickhouse.back', 'ch:8123'],
  ])
  assert.equal((lines[0]!['error'] as { type: string }).type, 'ECONNREFUSED')
  assert.match(String(lines[0]!['hint']), /is ClickHouse up/)
  assert.equal(typeof lines[1]!['ms'], 'number')
  log.warn('insert.failed', { error: away() })
  assert.equal(lines.length, 3, 'the next one is told again')
})

test('a new cause during an outage is logged, and a wrong password is called that', () => {
  const { lines, outages: log } = outages()
  log.warn('insert.failed', { error: away() })
  log.warn('insert.failed', { error: new StoreError('refused', 516, 'AUTHENTICATION_FAILED', 'q') })
  assert.match(String(lines[1]!['hint']), /clickhouse\.password/)
  assert.equal(lines[1]!['code'], 516)
  log.warn('dependency.wait', { error: new RegistryError('refused', 'no') })
  assert.match(String(lines[2]!['hint']), /registry\.password/)
})

test('a call that times out is not logged as a server that is down', () => {
  const { lines, outages: log } = outages()
  log.warn('dependency.wait', { error: toStoreError(new Error('Timeout error.'), 'q') })
  log.warn('dependency.wait', { error: away() })
  assert.deepEqual(
    lines.map(({ error }) => (error as { type: string }).type),
    ['timed out', 'ECONNREFUSED'],
  )
  assert.match(String(lines[0]!['hint']), /no answer in time/)
  assert.match(String(lines[1]!['hint']), /is ClickHouse up/)
})

test('dependencies have separate outages, and other errors keep their own lines', async () => {
  const { told, settled, outages: log } = outages()
  log.warn('batch.failed', { error: new LogError('unavailable', 'no broker') })
  log.warn('insert.failed', { error: away() })
  log.error('backfill.failed', { error: away() })
  log.warn('slice.retry', { error: new LogError('fenced', 'another owner') })
  log.warn('customers.split', { count: 1 })
  log.recovered(away())
  await settled()
  assert.deepEqual(told(), [
    ['kafka.away', 'a:9092,b:9092'],
    ['clickhouse.away', 'ch:8123'],
    ['backfill.failed', undefined],
    ['slice.retry', undefined],
    ['customers.split', undefined],
    ['clickhouse.back', 'ch:8123'],
  ])
})
