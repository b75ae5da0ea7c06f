import { loadConfig } from '../config/load.ts'
import { earlierEngine, Unlike } from '../earlier.ts'
import { compileEngine, type Engine } from '../engine.ts'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { Event } from '../events/event.ts'
import type { RecordBatch } from '../events/log.ts'
import { journalCodec } from '../journal/journal.ts'
import type { SliceWriter, Turn } from '../log/log.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { createLogger } from '../ops/logger.ts'
import { createMetrics } from '../ops/metrics.ts'
import { Pipeline } from '../pipeline.ts'
import { journalSchemas } from '../schema-files.ts'
import { compileStages } from '../stages.ts'
import type { CustomerEvent, Wanted } from '../store/event-history.ts'
import type { StoredProfile } from '../store/profile-store.ts'
import { SliceRows } from '../store/slice-rows.ts'
import type { TaskDeps } from './deps.ts'
import { FoldQueue } from './fold-queue.ts'
import { Task } from './task.ts'

export const at = { topic: 'events', partition: 0 }
const groupId = 'group'
/** The member believes that it still owns the partition. */
export const turn: Turn = { heartbeat: async () => undefined, isCurrent: () => true }

/** What two workers share: the log, and a store that has no profile yet. */
export class World {
  readonly log = new MemoryLog(() => Date.now())
  logger = createLogger('fatal')
  readonly #engine: Engine
  readonly #topics: readonly string[]
  /** The texts that the store keeps, by their hash. */
  readonly #policies = new Map<string, string>()
  readonly #settings = new Map<string, string>()
  /** By their position. */
  readonly #events: CustomerEvent[] = []
  #nextPosition = 0
  /** Whether the store confirms that it has all rows; else it never answers. */
  hasEvents = false
  /** Runs once, while events are read from the store. */
  reading: (() => Promise<void>) | undefined
  /** Runs once, while a task that opens reads its checkpoint; returns the checkpoint that it finds. */
  meanwhile: (() => Promise<StoredProfile>) | undefined
  /** Replaces the next commit of any task. */
  disturb: ((writer: SliceWriter, commit: () => Promise<unknown>) => Promise<never>) | undefined

  constructor(configFile: string) {
    this.#engine = compileEngine(loadConfig(configFile, {}))
    this.#topics = this.#engine.config.topics.map(({ name }) => name)
  }

  async open(): Promise<void> {
    const names = [...this.#topics, 'beckon.actions', 'beckon.dead_letters', 'beckon.journal']
    await this.log.createTopics(names.map((topic) => ({ topic, partitions: 1 })))
  }

  async append(...ids: string[]): Promise<void> {
    for (const id of ids) await this.happens('view', id)
  }

  /** Appends an event, by default of now. */
  async happens(event: string, messageId: string, timestamp = Date.now(), userId = 'u1', topic = at.topic) {
    const value = Buffer.from(JSON.stringify({ messageId, userId, type: 'track', event, timestamp }))
    const fields = { id: messageId, customer: userId, type: event, timeMs: timestamp }
    this.#events.push({
      customer: userId,
      position: this.#nextPosition++,
      event: Object.assign(new Event(), fields),
      enrichment: { agent: noAgent, campaign: noCampaign, referrer: noReferrer, channelGroup: '' as const, geo: noGeo },
      sessionIndex: 1,
      sessionStartMs: 0,
    })
    await this.log.append([{ ...at, topic, key: userId, value, headers: {} }])
  }

  /** Appends a tombstone. The store keeps the customer's events, as it does until somebody deletes them. */
  async erase(userId = 'u1'): Promise<void> {
    this.#nextPosition++
    await this.log.append([{ ...at, key: userId, value: null, headers: {} }])
  }

  /** The stored events, without duplicates. */
  async *#past({ customers, beforePosition }: Wanted): AsyncGenerator<CustomerEvent[]> {
    const ids = new Set<string>()
    const page = this.#events.filter(({ customer, position, event: { id } }) => {
      const isWanted = position < beforePosition && customers.includes(customer) && !ids.has(id)
      ids.add(id)
      return isWanted
    })
    const { reading } = this
    this.reading = undefined
    await reading?.()
    yield page
  }

  async batch(from: number, until: number, topic = at.topic): Promise<RecordBatch> {
    for await (const batch of this.log.read(topic, at.partition, from, until)) return batch
    throw new Error('there are no such records')
  }

  async committed(): Promise<number | null> {
    const [committed] = await this.log.committedOffsets(groupId, [at.topic], at.partition)
    return committed!.offset
  }

  /** The published actions that can be read. */
  async actions(): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = []
    for await (const batch of this.log.read('beckon.actions', 0, 0, Number.MAX_SAFE_INTEGER)) {
      for (let i = 0; i < batch.count; i++) found.push(JSON.parse(String(batch.value(i))))
    }
    return found
  }

  async openWriter(id: string): Promise<SliceWriter> {
    const writer = await this.log.openWriter(id)
    return {
      commit: async (slice) => {
        const { disturb } = this
        this.disturb = undefined
        if (disturb) return disturb(writer, () => writer.commit(slice))
        return writer.commit(slice)
      },
      close: () => writer.close(),
    }
  }

  /** A task as another worker would run it. @param configFile its rules, if they are not the world's */
  task(configFile?: string): Task {
    return new Task(at.partition, this.deps(configFile))
  }

  /** As if the store had lost them. */
  forgetSettings(): void {
    this.#settings.clear()
  }

  deps(configFile?: string): TaskDeps {
    const engine = configFile === undefined ? this.#engine : compileEngine(loadConfig(configFile, {}))
    this.#policies.set(engine.policy.version, engine.policyText)
    this.#settings.set(engine.settings.hash, engine.settings.text)
    return {
      log: new Proxy(this.log, {
        get: (log, name: keyof MemoryLog) =>
          name === 'openWriter' ? (id: string) => this.openWriter(id) : (log[name] as () => unknown).bind(log),
      }),
      groupId,
      ...deciderOf(engine),
      folding: new FoldQueue(),
      sliceRows: new SliceRows(),
      earlier: async (policy, settings) => {
        const settingsText = settings && this.#settings.get(settings)
        const earlier = earlierEngine(engine, { policyText: this.#policies.get(policy), settingsText })
        return earlier instanceof Unlike ? earlier : deciderOf(earlier)
      },
      textsStored: Promise.resolve(),
      journal: journalCodec('beckon.journal', journalSchemas()),
      journalTopic: 'beckon.journal',
      topics: this.#topics,
      partitions: 1,
      topicId: (topic) => topic,
      store: {
        insert: async () => undefined,
        read: async () => [],
        readCheckpoint: async () => {
          const { meanwhile } = this
          this.meanwhile = undefined
          return meanwhile?.()
        },
        readPartitionCounts: async () => [],
        readDue: async () => [],
        readCustomer: async () => [],
      },
      history: {
        gathered: async () => [],
        countNotReady: async () => 0,
        notReady: async () => [],
        events: (_at, wanted) => this.#past(wanted),
      },
      rows: {
        write: () => undefined,
        pendingBytes: 0,
        full: false,
        whenDrained: async () => undefined,
        whenStored: async () => {
          if (!this.hasEvents) await new Promise(() => undefined)
        },
        flush: async () => false,
        stop: async () => undefined,
      },
      metrics: createMetrics([], this.#topics, []),
      logger: this.logger,
      maxSliceEvents: 10,
      checkpointMs: 1_000,
      profileBytes: () => 1_000_000,
      pause: () => undefined,
      seek: () => undefined,
    }
  }
}

const deciderOf = (engine: Engine) => ({
  pipeline: new Pipeline(compileStages(engine, 'json'), 'rethrow'),
  careful: new Pipeline(compileStages(engine, 'json')),
  features: engine.features,
  timers: engine.policy.timers,
  hasOthersDue: engine.policy.held.size > 0,
  policy: engine.policy.version,
  settings: engine.settings.hash,
  fetchSchema: async () => undefined,
})
