import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import kafkajs from 'kafkajs'
import { accessTo } from '../src/store/clickhouse/local-access.ts'
import { migrate } from '../src/store/clickhouse/migrate.ts'
import { freePort } from '../src/tools/stack/ports.ts'

export const fromRoot = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
export const partitions = 6

export interface Place {
  readonly kafka: string
  readonly clickhouse: string
  readonly folder: string
}

/** The database of a bed of that name. */
export const databaseOf = (name: string) => name.replaceAll('.', '_')

/** What a benchmark of the service runs in: topics and tables of that name, and a configuration over them. */
export interface Bed {
  readonly configFile: string
  readonly port: number
  readonly client: ClickHouseClient
}

/** @param config the sections beside those of the addresses, as YAML */
export async function makeBed({ kafka, clickhouse, folder }: Place, name: string, config: string): Promise<Bed> {
  const output = { actions: `${name}.actions`, dead_letters: `${name}.dead_letters`, journal: `${name}.journal` }
  const admin = new kafkajs.Kafka({ brokers: [kafka], logLevel: kafkajs.logLevel.ERROR }).admin()
  await admin.connect()
  const topics = Object.values(output).map((topic) => ({ topic, numPartitions: partitions }))
  await admin.createTopics({ topics, waitForLeaders: false })
  await admin.disconnect()
  // Named in the configuration: another checkout may not find it.
  const store = { ...accessTo(clickhouse)!, database: databaseOf(name) }
  await migrate({
    clickhouse: store,
    dryRun: false,
    onStep: () => undefined,
  })
  const port = await freePort()
  const configFile = join(folder, `${name}.yaml`)
  const addresses = {
    kafka: { brokers: [kafka], group: name },
    clickhouse: store,
    output: { ...output, format: 'wire' },
    ops: { port },
  }
  const sections = Object.entries(addresses).map(([key, section]) => `${key}: ${JSON.stringify(section)}\n`)
  writeFileSync(configFile, config + sections.join(''))
  return { configFile, port, client: createClient(store) }
}

/** `beckon run` as a child process. */
export class ServiceProcess {
  readonly #child: ChildProcess
  readonly #port: number
  /** When it was given partitions; ms of `performance.now`. */
  assignedMs = 0

  constructor({ configFile, port }: Bed, nodeFlags: readonly string[]) {
    this.#port = port
    this.#child = spawn(process.execPath, [...nodeFlags, fromRoot('bin/beckon.js'), 'run', '-c', configFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      if (line.includes('"assigned"')) this.assignedMs ||= performance.now()
      if (line.includes('"level":"error"')) console.error(line)
    })
  }

  /** The sum over a metric's labels; 0 while the service does not listen yet. */
  async metric(name: string): Promise<number> {
    if (this.#child.exitCode !== null) throw new Error(`the service ended with ${this.#child.exitCode}`)
    try {
      const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
      const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
      return values.reduce((sum, [, value]) => sum + Number(value), 0)
    } catch {
      return 0
    }
  }

  /**
   * Waits for it. A look costs the service some ms, so there is one a second once it has begun, and more as the end comes
   * near: what is timed by this is at most 20 ms too long, or 100 where it had not begun.
   */
  async reaches(name: string, least: number): Promise<void> {
    const startMs = performance.now()
    for (;;) {
      const value = await this.metric(name)
      if (value >= least) return
      const leftMs = ((performance.now() - startMs) * (least - value)) / value
      await sleep(value === 0 ? 100 : Math.min(Math.max(leftMs / 2, 20), 1000))
    }
  }

  /** CPU seconds and peak resident memory so far, from /proc; ticks are 1/100 s on Linux. */
  get usage(): Usage {
    return usageOf(this.#child)
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#child.kill(signal)
    await new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve(undefined)
      else this.#child.once('exit', resolve)
    })
  }
}

export interface Usage {
  readonly cpuSeconds: number
  readonly peakMb: number
}

export function usageOf({ pid }: ChildProcess): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0] = afterName.slice(11, 13).map(Number)
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  return { cpuSeconds: (user + system) / 100, peakMb: peakKb / 1024 }
}

export async function selectOne<Row>(client: ClickHouseClient, query: string): Promise<Row> {
  const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<Row>()
  return rows[0]!
}
