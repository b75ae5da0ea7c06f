import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './logger.ts'
import { readableLine } from './readable.ts'

test('at a terminal a line has its time, level, event, fields and causes, and the hint below it', () => {
  const lines: string[] = []
  const logger = createLogger('info', { write: (line) => lines.push(readableLine(line, {})) })
  const cause = Object.assign(new Error('secret'), { code: 'ECONNRESET' })
  logger.info('assigned', { count: 6 })
  logger.warn('clickhouse.away', { address: 'ch:8123', hint: 'is it up?', error: new TypeError('secret', { cause }) })
  logger.error('task.failed', { reason: 'two words' })
  assert.deepEqual(
    lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, '')),
    [
      'info  assigned count=6\n',
      'warn  clickhouse.away address=ch:8123 error=TypeError<Error/ECONNRESET\n         is it up?\n',
      'error task.failed reason="two words"\n',
    ],
  )
})
