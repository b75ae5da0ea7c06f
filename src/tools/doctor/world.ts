import { type LoadedConfig, loadConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import { compileEngine, type Engine } from '../../engine.ts'
import type { KafkaOptions } from '../../log/kafka/client.ts'
import type { Log } from '../../log/log.ts'
import type { SchemaSource } from '../inspection/decode-record.ts'
import { openStoreProbe, type StoreProbe } from './clickhouse/probe.ts'
import { KafkaProbe } from './kafka/probe.ts'

/** How to reach the servers in the configuration, in the same way as the service. */
export interface Doors {
  readonly configFile: string
  readonly env: NodeJS.ProcessEnv
  kafkaOptions(config: Config): KafkaOptions
  openLog(config: Config): Promise<Log>
  openRegistry(config: Config): SchemaSource | undefined
}

/** What the checks look at. Each part is opened once, when first asked for; if that fails, it fails for all who ask. */
export class World {
  readonly loaded: () => LoadedConfig
  readonly engine: () => Engine
  readonly kafka: () => Promise<KafkaProbe>
  readonly log: () => Promise<Log>
  readonly store: () => StoreProbe
  readonly registry: () => SchemaSource | undefined
  readonly #closers: (() => Promise<void>)[] = []

  constructor(doors: Doors) {
    this.loaded = once(() => loadConfig(doors.configFile, doors.env))
    this.engine = once(() => compileEngine(this.loaded()))
    this.kafka = once(async () => this.#opened(await KafkaProbe.open(doors.kafkaOptions(this.config))))
    this.log = once(async () => this.#opened(await doors.openLog(this.config)))
    this.store = once(() => this.#opened(openStoreProbe(this.config.clickhouse)))
    this.registry = once(() => doors.openRegistry(this.config))
  }

  get config(): Config {
    return this.loaded().config
  }

  async close(): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()))
  }

  #opened<T extends { close(): Promise<void> }>(part: T): T {
    this.#closers.push(() => part.close())
    return part
  }
}

function once<T>(open: () => T): () => T {
  let opened: { readonly value: T } | undefined
  return () => {
    opened ??= { value: open() }
    return opened.value
  }
}
