import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { startOpsServer } from './http.ts'
import { createLogger } from './logger.ts'
import { countSlice, createMetrics } from './metrics.ts'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(createLogger('debug', { write: (line) => lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a log line has its event and fields, and no error message at any depth', () => {
  const secret = 'alice@example.com'
  const cause = Object.assign(new Error(secret), { code: 'ECONNRESET' })
  const error = new TypeError(`bad row ${secret}`, { cause })
  const [line] = logged((logger) => logger.error('slice.retry', { topic: 'clicks', partition: 3, error }))
  assert.equal(line!['event'], 'slice.retry')
  assert.equal(line!['partition'], 3)
  const described = line!['error'] as { name: string; cause: { code: string }; at: string[] }
  assert.equal(described.name, 'TypeError')
  assert.equal(described.cause.code, 'ECONNRESET')
  assert(!JSON.stringify(line).includes(secret))
  assert(!/[/\\](home|work|usr)[/\\]/.test(described.at.join()), 'frames name files, not folders')
})

async function get(port: number, path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}

test('probes and metrics are served, and nothing else', async () => {
  const metrics = createMetrics(['remind_cart'], ['clicks'], [], false)
  let ok = true
  const probe = () => ({ ok, detail: { partitions: 2 } })
  const server = await startOpsServer({ host: '127.0.0.1', port: 0 }, metrics.registry, probe, probe)
  try {
    assert.deepEqual(await get(server.port, '/healthz'), { status: 200, body: '{"ok":true,"partitions":2}\n' })
    ok = false
    assert.equal((await get(server.port, '/readyz?x=1')).status, 503)
    assert.match((await get(server.port, '/metrics')).body, /^beckon_actions_total\{action="remind_cart"\} 0$/m)
    assert.equal((await get(server.port, '/')).status, 404)
    assert.equal((await get(server.port, '/metrics', 'POST')).status, 405)
  } finally {
    await server.stop()
  }
})

test('idle connections, however many and however often they come back, keep no probe out', async () => {
  const metrics = createMetrics([], [], [], false)
  const probe = () => ({ ok: true, detail: {} })
  const server = await startOpsServer({ host: '127.0.0.1', port: 0 }, metrics.registry, probe, probe)
  const silent = new Set<Socket>()
  let ended = false
  const hold = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(server.port, '127.0.0.1', resolve)
      silent.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        silent.delete(socket)
        if (!ended) void hold()
        else resolve()
      })
    })
  try {
    for (let i = 0; i < 80; i++) await hold()
    for (let i = 0; i < 20; i++) assert.equal((await get(server.port, '/healthz')).status, 200)
  } finally {
    ended = true
    for (const socket of silent) socket.destroy()
    await server.stop()
  }
})

test('the metrics exist from the start, and a slice is counted', async () => {
  const metrics = createMetrics(['a'], ['clicks'], ['views', 'carts'], false)
  const names = (await metrics.registry.getMetricsAsJSON()).map(({ name }) => name)
  for (const name of [
    'events_consumed_total',
    'dead_letters_total',
    'late_events_total',
    'actions_total',
    'decisions_total',
    'consumer_lag',
    'event_to_action_seconds',
    'slice_seconds',
    'checkpoint_age_seconds',
    'partition_failed',
    'profiles_in_memory',
    'clickhouse_insert_seconds',
  ]) {
    assert(names.includes(`beckon_${name}`), name)
  }
  countSlice(metrics, 'clicks', {
    events: 10,
    skipped: 1,
    erasures: 1,
    duplicates: 2,
    late: 1,
    lateBy: new Map([['views', 1]]),
    timers: 0,
    deadLetters: new Map([['truncated', 2]]),
    statements: new Map([['consent_withdrawn', 5]]),
    actions: new Map([['a', 3]]),
    tooLarge: new Map([['b', 4]]),
    outcomes: new Map([['a\nclick\nnoted', 5]]),
    verdicts: new Map([['a\npositive', 6]]),
    decisions: { chosen: 3, nothing: 0, holdout: 4, shadow: 0, suppressed: 0, none: 2 },
  })
  const text = await metrics.registry.metrics()
  assert.match(text, /^beckon_events_consumed_total\{topic="clicks"\} 10$/m)
  assert.match(text, /^beckon_actions_too_large_total\{action="b"\} 4$/m)
  assert.match(text, /^beckon_outcomes_total\{action="a",outcome="click",effect="noted"\} 5$/m)
  assert.match(text, /^beckon_cases_total\{action="a",verdict="positive"\} 6$/m)
  assert.match(text, /^beckon_erasures_total\{topic="clicks"\} 1$/m)
  assert.match(text, /^beckon_late_events_total\{feature="views"\} 1$/m)
  assert.match(text, /^beckon_statements_total\{result="consent_withdrawn"\} 5$/m)
  assert.match(text, /^beckon_statements_total\{result="traits"\} 0$/m)
  assert.match(text, /^beckon_late_events_total\{feature="carts"\} 0$/m)
  assert.match(text, /^beckon_dead_letters_total\{reason="truncated"\} 2$/m)
  assert.match(text, /^beckon_dead_letters_total\{reason="future"\} 0$/m)
  assert.match(text, /^beckon_decisions_total\{result="chosen"\} 3$/m)
})
