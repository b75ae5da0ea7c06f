import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { applyEnvironment } from '../config/environment.ts'
import { configSchema } from '../config/schema.ts'
import { createMetrics } from '../ops/metrics.ts'

const deploy = new URL('../../../deploy/', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, deploy), 'utf8')

it('alerts and draws only metrics that beckon has', async () => {
  const known = new Set((await createMetrics([], [], []).registry.getMetricsAsJSON()).map(({ name }) => name))
  for (const path of ['prometheus/rules.yml', 'grafana/dashboards/beckon.json']) {
    const used = read(path).matchAll(/\b((?:beckon|process|nodejs)_[a-z0-9_]+?)(?:_bucket)?\b(?=[{)\][ ])/g)
    const names = new Set([...used].map(([, name]) => name ?? ''))
    assert.ok(names.size > 5, path)
    for (const name of names) assert.ok(known.has(name), `${path}: ${name}`)
  }
})

it('has an example environment whose settings all exist', () => {
  const lines = read('example.env').matchAll(/^# (BECKON_\w+)=(.*)$/gm)
  const env = Object.fromEntries([...lines].map(([, name, value]) => [name, value]))
  const config: Record<string, unknown> = { topics: [{ name: 'events' }] }
  const applied = applyEnvironment(config, env)
  assert.equal(applied.size, Object.keys(env).filter((name) => name !== 'BECKON_CONFIG').length)
  assert.deepEqual(configSchema.safeParse(config).error?.issues, undefined)
})
