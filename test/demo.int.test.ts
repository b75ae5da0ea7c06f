import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Figures } from '../src/tools/demo/run.ts'
import { freePort, isFree } from '../src/tools/stack/ports.ts'
import { missingTools } from '../src/tools/stack/stack.ts'

const program = fileURLToPath(new URL('../../bin/beckon.js', import.meta.url))
const ci = Boolean(process.env['CI'])
const missing = missingTools()
const skipKafka = (missing.jdk || missing.maven || missing.chdb) && !ci && 'needs Java 17, Maven and the chdb package'
const skip = missing.chdb && !ci && 'needs the chdb package'

const root = mkdtempSync(join(tmpdir(), 'beckon-demo-'))
const running = new Set<ChildProcess>()
after(async () => {
  for (const child of running) {
    child.kill('SIGTERM')
    await once(child, 'close')
  }
  rmSync(root, { recursive: true, force: true })
})

/** A demo in that folder, under way. */
function start(cwd: string, ...args: string[]) {
  const child = spawn(process.execPath, [program, 'demo', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.err += chunk
  })
  running.add(child)
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child)
    return { code: code as number | null, ...output }
  })
  return { child, output, ended }
}

async function figuresOf({ ended }: ReturnType<typeof start>): Promise<Figures> {
  const { code, out, err } = await ended
  assert.equal(code, 0, err)
  assert.match(out, /^\{.*\}\n$/, 'stdout holds the figures alone')
  return JSON.parse(out) as Figures
}

function assertIdentities(figures: Figures, produced: number): void {
  assert.equal(figures.produced, produced)
  assert.equal(figures.events + figures.dead_letters, produced)
  assert.equal(figures.dead_letters, figures.bad_records)
  assert.ok(figures.bad_records > produced * 0.01 && figures.bad_records < produced * 0.02)
  assert.ok(figures.actions > 100 && figures.profiles > 1000)
  assert.ok(figures.events_per_second > 0)
  const { p50, p99 } = figures.event_to_action_ms
  assert.ok(p50 !== null && p99 !== null && p50 > 0 && p99 >= p50)
  assert.ok(figures.first_action_seconds !== null && figures.first_action_seconds > 0)
}

const nothingLeft = (cwd: string) =>
  assert.deepEqual(existsSync(join(cwd, '.beckon')) ? readdirSync(join(cwd, '.beckon')) : [], [])

describe('the demo', { skip }, () => {
  let inMemory: Figures | undefined

  it('runs the shop without Kafka, accounts for every record, and leaves nothing behind', async () => {
    inMemory = await figuresOf(start(root, '--json', '--events', '20000', '--in-memory'))
    assertIdentities(inMemory, 20_000)
    nothingLeft(root)
  })

  it('runs it through Kafka and a service of its own, to the same end', { skip: skipKafka }, async () => {
    const [kafka, clickhouse, metrics] = [await freePort(), await freePort(), await freePort()]
    const ports = ['--kafka-port', `${kafka}`, '--clickhouse-port', `${clickhouse}`, '--metrics-port', `${metrics}`]
    const figures = await figuresOf(start(root, '--json', '--events', '20000', ...ports))
    assertIdentities(figures, 20_000)
    assert.deepEqual(
      [figures.events, figures.actions, figures.dead_letters, figures.profiles],
      [inMemory?.events, inMemory?.actions, inMemory?.dead_letters, inMemory?.profiles],
    )
    nothingLeft(root)
    for (const port of [kafka, clickhouse, metrics]) assert.ok(await isFree(port), `port ${port}`)
  })

  it('has its folder to itself, and ends in order when it is told to', async () => {
    const first = start(root, '--in-memory')
    while (!/first action after/.test(first.output.out)) await once(first.child.stdout, 'data')
    const second = await start(root, '--in-memory').ended
    assert.equal(second.code, 1)
    assert.match(second.err, /^beckon: .* is in use by the demo of process \d+; .*\n$/)
    first.child.kill('SIGTERM')
    const { code, err } = await first.ended
    assert.equal(code, 0, err)
    nothingLeft(root)
  })

  it('fails with one line where a port is taken, and frees what it had taken', async () => {
    const port = await freePort()
    const first = start(root, '--in-memory', '--clickhouse-port', `${port}`)
    while (!/clickhouse: up/.test(first.output.out)) await once(first.child.stdout, 'data')
    const other = mkdtempSync(join(root, 'other-'))
    const second = await start(other, '--in-memory', '--clickhouse-port', `${port}`).ended
    assert.equal(second.code, 1)
    assert.match(second.err, new RegExp(`^beckon: clickhouse: port ${port} is taken by .*\\n$`))
    first.child.kill('SIGINT')
    await first.ended
    assert.ok(await isFree(port))
  })

  it('refuses --json without an end', async () => {
    const { code, err } = await start(root, '--json').ended
    assert.equal(code, 2)
    assert.match(err, /--json needs --events/)
  })
})
