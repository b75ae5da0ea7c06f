import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Place, serverProperties } from './broker.ts'

const settingsOf = (index: number, places: readonly Place[]) => {
  const lines = serverProperties('/data', index, places).trimEnd().split('\n')
  return new Map(lines.map((line) => line.split('=') as [string, string]))
}

it('listens on the loopback interface only, makes no topic unasked, and lets nothing expire', () => {
  const settings = settingsOf(0, [{ port: 9092, controllerPort: 9093 }])
  assert.equal(settings.get('listeners'), 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093')
  assert.equal(settings.get('advertised.listeners'), 'PLAINTEXT://127.0.0.1:9092')
  assert.equal(settings.get('auto.create.topics.enable'), 'false')
  assert.equal(settings.get('log.retention.ms'), '-1')
  assert.equal(settings.get('log.dirs'), '/data')
})

it('keeps a copy of every topic on each of three brokers, and acknowledges what two have', () => {
  const places = [9092, 9093, 9094].map((port) => ({ port, controllerPort: port + 3 }))
  const settings = settingsOf(2, places)
  assert.equal(settings.get('node.id'), '3')
  assert.equal(settings.get('listeners'), 'PLAINTEXT://127.0.0.1:9094,CONTROLLER://127.0.0.1:9097')
  assert.equal(settings.get('controller.quorum.voters'), '1@127.0.0.1:9095,2@127.0.0.1:9096,3@127.0.0.1:9097')
  for (const [name, value] of settings) {
    if (name.endsWith('replication.factor')) assert.equal(value, '3', name)
    if (/min\.(isr|insync\.replicas)$/.test(name)) assert.equal(value, '2', name)
  }
})
