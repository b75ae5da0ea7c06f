import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from '@clickhouse/client'
import kafkajs from 'kafkajs'
import { freePort } from '../src/stack/ports.ts'
import { migrate } from '../src/store/clickhouse/migrate.ts'
import { generateClicks } from './clicks.ts'
import { produceClicks } from './clicks-topic.ts'
import { median, type Report } from './report.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const partitions = 6
/** As in deploy/docker/Dockerfile. */
const nodeFlags = ['--max-semi-space-size=64']
const database = 'bench'

export interface ServiceBench {
  readonly kafka: string
  readonly clickhouse: string
  readonly folder: string
  readonly events: number
  readonly rounds: number
}

interface Run {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMb: number
}

/**
 * The whole service, with transactions and ClickHouse writes, over a topic of clicks, beside a bare loop of kafkajs and
 * avsc over the same topic. The two take turns, so that the machine's noise meets both.
 */
export async function benchService(
  { kafka, clickhouse, folder, events, rounds }: ServiceBench,
  report: Report,
): Promise<void> {
  const topic = 'bench.clicks'
  report.say(`filling ${topic} with ${events} events`)
  await produceClicks([kafka], topic, partitions, generateClicks({ count: events, customers: 50_000, seed: 1 }))
  const bare: Run[] = []
  const service: Run[] = []
  for (let round = 1; round <= rounds; round++) {
    report.say(`round ${round} of ${rounds}: the bare loop`)
    bare.push(await runBareLoop(kafka, topic, events))
    report.say(`round ${round} of ${rounds}: the service`)
    service.push(await runService(kafka, clickhouse, folder, events, round))
  }
  const rate = (runs: Run[]) => events / median(runs.map(({ seconds }) => seconds))
  const perCpu = (runs: Run[]) => events / median(runs.map(({ cpuSeconds }) => cpuSeconds))
  for (const [name, runs] of [
    ['bare_loop', bare],
    ['service', service],
  ] as const) {
    report.figure(`${name}_events_per_second`, rate(runs))
    report.figure(`${name}_events_per_cpu_second`, perCpu(runs))
    report.figure(`${name}_peak_mb`, median(runs.map(({ peakMb }) => peakMb)))
  }
  report.figure('service_to_bare_loop_rate', rate(service) / rate(bare))
  report.figure('service_to_bare_loop_per_cpu', perCpu(service) / perCpu(bare))
}

async function runBareLoop(kafka: string, topic: string, events: number): Promise<Run> {
  const child = spawn(process.execPath, [path('dist/bench/bare-loop.js'), kafka, topic, String(events)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let peakMb = 0
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, usageOf(child).peakMb)
  }, 200)
  for await (const line of createInterface({ input: child.stdout })) {
    clearInterval(watch)
    const { seconds, cpuSeconds } = JSON.parse(line) as { seconds: number; cpuSeconds: number }
    return { seconds, cpuSeconds, peakMb }
  }
  throw new Error('the bare loop ended without a figure')
}

async function runService(
  kafka: string,
  clickhouse: string,
  folder: string,
  events: number,
  round: number,
): Promise<Run> {
  const output = {
    actions: `bench.actions.${round}`,
    dead_letters: `bench.dead_letters.${round}`,
    journal: `bench.journal.${round}`,
  }
  const admin = new kafkajs.Kafka({ brokers: [kafka], logLevel: kafkajs.logLevel.ERROR }).admin()
  await admin.connect()
  await admin.createTopics({
    topics: Object.values(output).map((name) => ({ topic: name, numPartitions: partitions })),
  })
  await admin.disconnect()
  const client = createClient({ url: clickhouse })
  await client.command({ query: `DROP DATABASE IF EXISTS ${database}` })
  await migrate({
    clickhouse: { url: clickhouse, database, username: 'default', password: '' },
    dryRun: false,
    onStep: () => undefined,
  })
  const config = join(folder, 'bench.yaml')
  const port = await freePort()
  const example = readFileSync(path('bench/clicks.yaml'), 'utf8')
  writeFileSync(
    config,
    `${example}
kafka: { brokers: ["${kafka}"], group: bench-${round} }
clickhouse: { url: "${clickhouse}", database: ${database} }
output: ${JSON.stringify({ ...output, format: 'wire' })}
ops: { port: ${port}, log_level: info }
`.replace('CLICKS_AVSC', path('bench/clicks.avsc')),
  )
  const child = spawn(process.execPath, [...nodeFlags, path('bin/beckon.js'), 'run', '-c', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let startedMs = 0
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('"assigned"')) startedMs ||= performance.now()
      if (line.includes('"level":"error"')) console.error(line)
    })
    while ((await consumed(port)) < events) {
      if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    const seconds = (performance.now() - startedMs) / 1000
    const { cpuSeconds, peakMb } = usageOf(child)
    const stored = async () => {
      const rows = await client.query({
        query: `SELECT count() AS n FROM ${database}.events FINAL`,
        format: 'JSONEachRow',
      })
      return Number((await rows.json<{ n: string }>())[0]!.n)
    }
    while ((await stored()) < events) await new Promise((resolve) => setTimeout(resolve, 200))
    return { seconds, cpuSeconds, peakMb }
  } finally {
    child.kill('SIGTERM')
    await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(undefined)))
    await client.close()
  }
}

async function consumed(port: number): Promise<number> {
  try {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return Number(/^beckon_events_consumed_total\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0)
  } catch {
    return 0 // It does not listen yet.
  }
}

/** CPU seconds and peak resident memory of a running child, from /proc; ticks are 1/100 s on Linux. */
function usageOf({ pid }: ChildProcess): { cpuSeconds: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  return { cpuSeconds: (user + system) / 100, peakMb: peakKb / 1024 }
}
