import assert from 'node:assert/strict'
import { it } from 'node:test'
import { serverProperties } from './broker.ts'

it('listens on the loopback interface only, makes no topic unasked, and lets nothing expire', () => {
  const lines = serverProperties('/data', 9092, 9093).trimEnd().split('\n')
  const settings = new Map(lines.map((line) => line.split('=') as [string, string]))
  assert.equal(settings.get('listeners'), 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093')
  assert.equal(settings.get('advertised.listeners'), 'PLAINTEXT://127.0.0.1:9092')
  assert.equal(settings.get('auto.create.topics.enable'), 'false')
  assert.equal(settings.get('log.retention.ms'), '-1')
  assert.equal(settings.get('log.dirs'), '/data')
})
