import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from './client.ts'

test('log lines have names and codes, and never the text of a record or an error', () => {
  const lines: unknown[] = []
  const kafka = createClient(
    { brokers: ['b:1'], clientId: 'c', onLog: (...line) => lines.push(line) },
    { initialRetryTime: 1, maxRetryTime: 1, retries: 1 },
  )
  const logger = kafka.logger()
  logger.error('Crash: Error: key secret', {
    topic: 't',
    partition: 3,
    key: 'secret',
    error: 'secret',
    stack: 'secret',
  })
  logger.warn('The group is rebalancing, re-joining', { groupId: 'g', error: 'secret', memberId: 'secret' })
  logger.info('Consumer has joined the group')
  assert.deepEqual(lines, [
    ['error', 'kafkajs error', { topic: 't', partition: 3 }],
    ['warn', 'group rebalancing', {}],
  ])
})
