import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { parse, stringify } from 'yaml'
import { applyEnvironment } from '../../config/environment.ts'
import { configSchema } from '../../config/schema.ts'
import { createMetrics } from '../../ops/metrics.ts'

const deploy = new URL('../../../../deploy/', import.meta.url)
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

it('draws each metric that beckon has', async () => {
  const metrics = await createMetrics([], [], [], false).registry.getMetricsAsJSON()
  const dashboard = read('grafana/dashboards/beckon.json')
  for (const { name } of metrics) assert.match(dashboard, new RegExp(`\\b${name}(_bucket)?\\{`), name)
})

it('has a dashboard whose panels each have a place of their own', () => {
  const { panels } = JSON.parse(read('grafana/dashboards/beckon.json')) as { panels: readonly Panel[] }
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  for (const [index, { title, gridPos: a }] of panels.entries()) {
    assert.ok(a.x + a.w <= 24, title)
    for (const { title: other, gridPos: b } of panels.slice(index + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
      assert.ok(apart, `${title} and ${other}`)
    }
  }
})

interface Panel {
  readonly id: number
  readonly targets?: readonly { readonly expr: string }[]
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

const { error: noPromtool } = spawnSync('promtool', ['--version'])

it('has alerts that come when they should, and stay away when they should', {
  skip: noPromtool && 'no promtool',
}, () => {
  for (const args of [
    ['check', 'rules', 'rules.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: new URL('prometheus/', deploy) })
    assert.equal(status, 0, `${stdout}${stderr}`)
  }
})

it('has a dashboard of queries that Prometheus can read', { skip: noPromtool && 'no promtool' }, () => {
  const dashboard = JSON.parse(read('grafana/dashboards/beckon.json')) as { panels: readonly Panel[] }
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const rules = queries.map((expr, i) => ({ record: `q:${i}`, expr: expr.replaceAll('$__rate_interval', '1m') }))
  const folder = mkdtempSync(join(tmpdir(), 'beckon-dashboard-'))
  const file = join(folder, 'queries.yml')
  writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file])
  rmSync(folder, { recursive: true })
  assert.equal(status, 0, `${stdout}${stderr}`)
})

it('tests that each alert comes, and that a healthy service has none', () => {
  const tests = parse(read('prometheus/rules.test.yml')) as Tests
  const cases = tests.tests.flatMap(({ alert_rule_test }) => alert_rule_test)
  const alerts = [...read('prometheus/rules.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name!)
  for (const alert of alerts) {
    const own = cases.filter(({ alertname }) => alertname === alert)
    assert.ok(
      own.some(({ exp_alerts }) => exp_alerts !== undefined),
      `${alert} is never seen`,
    )
    assert.ok(
      own.some(({ exp_alerts }) => exp_alerts === undefined),
      `${alert} is never silent`,
    )
  }
})

interface Tests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[]
  }[]
}

it('has an example environment whose settings all exist', () => {
  const lines = read('example.env').matchAll(/^# (BECKON_\w+)=(.*)$/gm)
  const env = Object.fromEntries([...lines].map(([, name, value]) => [name, value]))
  const config: Record<string, unknown> = { topics: [{ name: 'events' }] }
  const applied = applyEnvironment(config, env)
  assert.equal(applied.size, Object.keys(env).filter((name) => name !== 'BECKON_CONFIG').length)
  assert.deepEqual(configSchema.safeParse(config).error?.issues, undefined)
})

it('has an `app` profile that runs from nothing: what a start needs is made first, and it has all files of the configuration', () => {
  interface Part {
    readonly command?: readonly string[]
    readonly volumes?: readonly string[]
    readonly depends_on: Readonly<Record<string, { readonly condition: string }>>
  }
  const { services } = parse(read('../docker-compose.yml'), { merge: true }) as { services: Record<string, Part> }
  const [migrate, beckon] = [services['migrate']!, services['beckon']!]
  assert.deepEqual(migrate.command?.slice(-2), ['migrate', '--topics'])
  for (const server of ['kafka', 'clickhouse']) assert.equal(migrate.depends_on[server]?.condition, 'service_healthy')
  assert.equal(beckon.depends_on['migrate']?.condition, 'service_completed_successfully')
  for (const { volumes } of [migrate, beckon]) assert.match(volumes![0]!, /:\/etc\/beckon:ro$/)
})
