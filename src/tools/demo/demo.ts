import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { applyEnvironment } from '../../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../../config/load.ts'
import { readConfigSource } from '../../config/source.ts'
import { compileEngine } from '../../engine.ts'
import { openKafkaLog } from '../../log/kafka/kafka-log.ts'
import type { Log } from '../../log/log.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { createLogger } from '../../ops/logger.ts'
import { startService } from '../../service.ts'
import type { ClickHouseClient } from '../../store/clickhouse/client.ts'
import { connectClickHouse } from '../../store/clickhouse/client.ts'
import { migrate } from '../../store/clickhouse/migrate.ts'
import { freePort } from '../stack/ports.ts'
import { logPath } from '../stack/process.ts'
import { missingTools, type StackPorts, startStack, stopStack } from '../stack/stack.ts'
import { DemoError } from './demo-error.ts'
import { DemoFolder } from './folder.ts'
import { type Figures, type RunningService, runSession, type SessionEnd, type Stream } from './run.ts'
import type { Screen } from './screen.ts'
import { startServiceProcess } from './service-process.ts'

export interface DemoOptions {
  readonly stream: Stream
  /** The log in this process instead of Kafka. */
  readonly inMemory: boolean
  /** Leave the stack up at the end. */
  readonly keep: boolean
  /** 0 for any free one. */
  readonly ports: { readonly kafka: number; readonly clickhouse: number; readonly metrics: number }
}

const partitions = 6
/** Per partition, so that a demo that runs all day does not fill the disk. */
const retention = { 'retention.bytes': String(256 * 2 ** 20), 'segment.bytes': String(64 * 2 ** 20) }
/** The log in memory forgets nothing, at some 1.5 kB a record. */
const mostInMemory = 500_000
const stopMs = 15_000

/**
 * Brings up the stack and the service, streams the shop through it, and ends everything it started.
 * @returns undefined if the signal came first
 * @throws DemoError, StackError, LogError, StoreError; the logs are left in the folder then
 */
export async function runDemo(options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<Figures | undefined> {
  // The demo's service must not see any other settings.
  for (const name of Object.keys(process.env)) if (/^BECKON_.+__/.test(name)) delete process.env[name]
  const folder = new DemoFolder()
  await folder.claim((line) => screen.say(line))
  let ended: SessionEnd | 'failed' = {}
  try {
    ended = await run(options, folder, screen, signal)
    return ended.figures
  } catch (error) {
    if (signal.aborted) return undefined
    ended = 'failed'
    throw error
  } finally {
    await folder.endService()
    if (ended === 'failed') {
      await (options.keep ? stopStack({ dir: folder.stack }) : folder.clearData())
      if (existsSync(folder.service)) screen.say(`the service's log is ${logPath(folder.service)}`)
    } else if (options.keep) {
      sayHowToLook(ended.customer, screen)
    } else {
      await folder.clear()
      screen.say('all is stopped and its data removed; with --keep it stays, to be looked at')
    }
    folder.release()
  }
}

async function run(
  { stream, inMemory: askedInMemory, ports }: DemoOptions,
  folder: DemoFolder,
  screen: Screen,
  signal: AbortSignal,
): Promise<SessionEnd> {
  const say = (line: string) => screen.say(line)
  const inMemory = askedInMemory || lacksKafka(say)
  const wanted: StackPorts = { clickhouse: ports.clickhouse, ...(inMemory ? {} : { kafka: ports.kafka }) }
  const addresses = await startStack({ dir: folder.stack, ports: wanted, onStep: say })
  signal.throwIfAborted()

  const opsPort = ports.metrics || (await freePort())
  const loaded = configure(folder, {
    BECKON_CLICKHOUSE__URL: addresses.clickhouse!,
    BECKON_OPS__PORT: String(opsPort),
    ...(addresses.kafka ? { BECKON_KAFKA__BROKERS: addresses.kafka } : {}),
  })
  const { config } = loaded
  const log = addresses.kafka
    ? await openKafkaLog({ brokers: [addresses.kafka], clientId: 'beckon-demo' })
    : new MemoryLog()
  const clickhouse = connectClickHouse(config.clickhouse)
  try {
    const { actions, dead_letters: deadLetters, journal } = config.output
    const topics = [config.topics[0]!.name, actions, deadLetters, journal]
    await log.createTopics(topics.map((topic) => ({ topic, partitions, config: retention })))
    say(`topics: ${topics.join(', ')}, ${partitions} partitions each`)
    const migrations = await migrate({ clickhouse: config.clickhouse, dryRun: false, onStep: () => {} })
    say(`tables: ${migrations} migrations applied to ${config.clickhouse.database}`)

    const service = inMemory
      ? await startServiceHere(folder, loaded, log, clickhouse)
      : await startServiceProcess(folder, opsPort, signal)
    try {
      say(`service: ready; its log is ${logPath(folder.service)}`)
      const most = inMemory ? mostInMemory : Number.POSITIVE_INFINITY
      if (stream.events > most) say(`the log in memory forgets nothing, so this ends after ${most} events`)
      const hints = (customer: string | undefined) => [
        `metrics    http://127.0.0.1:${opsPort}/metrics`,
        ...(customer === undefined ? [] : [`a profile  ${profileHint(customer)}`]),
        'Ctrl-C ends it',
      ]
      const session = { config, log, partitions, clickhouse, service, screen, hints }
      return await runSession(session, { ...stream, events: Math.min(stream.events, most) }, signal)
    } finally {
      await service.stop()
    }
  } finally {
    await log.close()
    await clickhouse.close()
  }
}

function lacksKafka(say: (line: string) => void): boolean {
  const { jdk, maven } = missingTools(['kafka'])
  if (!jdk && !maven) return false
  const what = [...(jdk ? ['Java 17'] : []), ...(maven ? ['Maven'] : [])].join(' and ')
  say(`without ${what} there is no Kafka here: the log is in memory, in this process; ClickHouse is real`)
  return true
}

/** Writes the shop's configuration with the addresses of this run, so that other commands can be given it too. */
function configure(folder: DemoFolder, settings: Readonly<Record<string, string>>): LoadedConfig {
  const shop = fileURLToPath(new URL('../../../../examples/shop/beckon.yaml', import.meta.url))
  const { value } = readConfigSource(shop)
  applyEnvironment(value, settings)
  writeFileSync(
    folder.config,
    `# examples/shop/beckon.yaml with the addresses of the running demo.\n${stringify(value)}`,
  )
  return loadConfig(folder.config, {})
}

/** The service in this process, since nobody else can read the log in memory. */
async function startServiceHere(
  folder: DemoFolder,
  loaded: LoadedConfig,
  log: Log,
  clickhouse: ClickHouseClient,
): Promise<RunningService> {
  mkdirSync(folder.service, { recursive: true })
  const file = logPath(folder.service)
  const logger = createLogger(loaded.config.ops.log_level, { write: (line) => appendFileSync(file, line) })
  const service = await startService(compileEngine(loaded), { log, clickhouse, registry: undefined, logger })
  let crash: unknown
  service.crashed.catch((error) => {
    crash = error
  })
  let stopped: Promise<void> | undefined
  return {
    check() {
      if (crash !== undefined) throw new DemoError('the service ended by itself')
    },
    stop() {
      stopped ??= service.stop(stopMs)
      return stopped
    },
  }
}

function sayHowToLook(customer: string | undefined, screen: Screen): void {
  screen.say('the stack stays up until: node bin/beckon.js stack down --wipe --dir .beckon/demo/stack')
  if (customer !== undefined) screen.say(`a customer of the run: ${profileHint(customer)}`)
}

const profileHint = (customer: string) => `node bin/beckon.js profile ${customer} -c .beckon/demo/beckon.yaml`
