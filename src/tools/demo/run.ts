import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/schema.ts'
import type { Log } from '../../log/log.ts'
import type { ClickHouseClient } from '../../store/clickhouse/client.ts'
import {
  countProfiles,
  countStored,
  lastDecisions,
  type StoredCounts,
  type StoredDecision,
} from './clickhouse/stored.ts'
import { DemoError } from './demo-error.ts'
import { Feeder } from './feeder.ts'
import { Outputs, sum } from './outputs.ts'
import type { Screen } from './screen.ts'
import { SendTimes } from './send-times.ts'
import { createShop } from './shop.ts'
import type { Snapshot } from './view.ts'

/** The service that the demo watches: a process of its own, or the same code in this one. */
export interface RunningService {
  /** @throws DemoError where it has ended */
  check(): void
  /** Drains and ends it: what it holds is in ClickHouse then. */
  stop(): Promise<void>
}

/** What is up when the shop opens. */
export interface Session {
  readonly config: Config
  readonly log: Log
  readonly partitions: number
  readonly clickhouse: ClickHouseClient
  readonly service: RunningService
  readonly screen: Screen
  /** How to look further, given a customer of the run. */
  readonly hints: (customer: string | undefined) => readonly string[]
}

export interface Stream {
  readonly events: number
  /** Records a second. */
  readonly rate: number
  readonly seed: number
}

/** What was measured. Everything is counted where the name says; nothing is derived from what should have happened. */
export interface Figures {
  /** In ClickHouse, duplicates of the producer included. */
  readonly events: number
  /** By a consumer of committed records. */
  readonly actions: number
  readonly dead_letters: number
  /** Customers in ClickHouse. */
  readonly profiles: number
  readonly events_per_second: number
  readonly event_to_action_ms: { readonly p50: number | null; readonly p99: number | null }
  /** From the start of the program; null where there was no action. */
  readonly first_action_seconds: number | null
  readonly produced: number
  readonly bad_records: number
}

export interface SessionEnd {
  /** Absent where the signal came before the last event. */
  readonly figures?: Figures
  /** One who got an action. */
  readonly customer?: string
}

/**
 * A quiet shop, taken fast: a minute of a demo at 2,000 events a second shows more than an hour of it, in which visitors
 * come back to their carts and complain. It opens on a past day, the same all day long, and does not run into the future.
 */
const shopRate = 30
const customers = 10_000
const badShare = 0.015
const openedDaysAgo = 60
const dayMs = 86_400_000

/** Sent first, so that the service has its producers open and its code warm before anything is measured. */
const warmUpRecords = 100
const observeMs = 500
const drainPollMs = 20
const storedEveryMs = 1_000
const stallMs = 60_000
const settleMs = 15_000

/** Streams the shop through the service and shows it, until the signal or the last event. */
export async function runSession(session: Session, stream: Stream, signal: AbortSignal): Promise<SessionEnd> {
  const { config, log, partitions, clickhouse, service, screen } = session
  const topic = config.topics[0]!.name
  const startMs = Math.floor(Date.now() / dayMs - openedDaysAgo) * dayMs
  const shop = createShop({ seed: stream.seed, customers, startMs, rate: shopRate, badShare })
  const sendTimes = new SendTimes(partitions)
  const feeder = new Feeder(log, topic, partitions, shop, sendTimes)
  const outputs = new Outputs(config.output, sendTimes)
  const consumption = await outputs.consume(log, `${config.kafka.group}-demo`)
  const progress = new Progress(log, config.kafka.group, topic, partitions)
  const ended = new AbortController()

  try {
    const warmUp = Math.min(warmUpRecords, stream.events)
    await feeder.send(warmUp)
    while ((await progress.measure()) < warmUp) {
      if (signal.aborted) return {}
      watch()
      await sleep(drainPollMs)
    }

    const startedMs = performance.now()
    let fed = false
    let fault: unknown
    feeder.run(stream.events - warmUp, stream.rate, AbortSignal.any([signal, ended.signal])).then(
      () => {
        fed = true
      },
      (error) => {
        fault = error
      },
    )
    const stored = new Stored(clickhouse)
    let announced = screen.isLive
    for (;;) {
      const consumed = await progress.measure()
      await stored.refresh()
      screen.show(snapshot(consumed, stored))
      if (outputs.first && !announced) screen.say(firstAction(outputs.first))
      announced ||= outputs.first !== undefined
      if (signal.aborted) return customerOf(outputs)
      if (fault !== undefined) throw fault
      watch()
      if (fed && consumed === feeder.produced) break
      await sleep(fed ? drainPollMs : observeMs)
    }
    const seconds = (performance.now() - startedMs) / 1000
    await service.stop()
    return { figures: await settle((feeder.produced - warmUp) / seconds), ...customerOf(outputs) }
  } finally {
    ended.abort()
    await consumption.stop()
  }

  function watch(): void {
    service.check()
    if (outputs.crash !== undefined) throw outputs.crash
    if (progress.stalledMs > stallMs && progress.consumed < feeder.produced) {
      throw new DemoError(`the service has taken no event for ${stallMs / 1000} s`)
    }
  }

  function snapshot(consumed: number, { profiles, decisions }: Stored): Snapshot {
    const { first } = outputs
    return {
      runningMs: performance.now(),
      shopTimeMs: feeder.shopTimeMs,
      consumed,
      lag: Math.max(0, feeder.produced - consumed),
      eventsPerSecond: progress.rate,
      actions: outputs.actions,
      deadLetters: outputs.deadLetters,
      profiles,
      eventToActionMs: outputs.eventToAction(),
      decisions,
      hints: [...(first ? [firstAction(first)] : []), ...session.hints(outputs.lastCustomer)],
    }
  }

  /** The figures, once what was read and what was stored agree: a last action may still be on its way to the consumer. */
  async function settle(eventsPerSecond: number): Promise<Figures> {
    const deadlineMs = performance.now() + settleMs
    for (;;) {
      const counts = await countStored(clickhouse)
      const [actions, deadLetters] = [sum(outputs.actions), sum(outputs.deadLetters)]
      const faults = disagreements(counts, actions, deadLetters, feeder.produced)
      if (faults.length === 0) {
        const { p50, p99 } = outputs.eventToAction() ?? { p50: null, p99: null }
        return {
          events: counts.events,
          actions,
          dead_letters: deadLetters,
          profiles: counts.profiles,
          events_per_second: Math.round(eventsPerSecond),
          event_to_action_ms: { p50: p50 && rounded(p50), p99: p99 && rounded(p99) },
          first_action_seconds: outputs.first ? rounded(outputs.first.atMs / 1000) : null,
          produced: feeder.produced,
          bad_records: feeder.bad,
        }
      }
      if (performance.now() > deadlineMs) throw new DemoError(faults.join('; '))
      await sleep(100)
    }
  }
}

/** What must hold when all is consumed. */
function disagreements(stored: StoredCounts, actions: number, deadLetters: number, produced: number): string[] {
  const { events, profiles, customers } = stored
  const faults: string[] = []
  if (events + deadLetters !== produced) {
    const missing = produced - events - deadLetters
    const what = missing > 0 ? `${missing} were skipped or lost` : `${-missing} too many`
    faults.push(
      `${events} events in ClickHouse and ${deadLetters} dead letters are not the ${produced} records produced: ${what}`,
    )
  }
  if (stored.actions !== actions) faults.push(`ClickHouse has ${stored.actions} actions, the topic ${actions}`)
  if (profiles < customers) faults.push(`${customers} customers have events, but ${profiles} a profile`)
  return faults
}

function firstAction({ action, customer, atMs }: NonNullable<Outputs['first']>): string {
  return `first action after ${(atMs / 1000).toFixed(1)} s: ${action} for ${customer}`
}

const customerOf = ({ lastCustomer }: Outputs) => (lastCustomer === undefined ? {} : { customer: lastCustomer })

const rounded = (n: number) => Math.round(n * 10) / 10

/** How far the service has come: the offsets that its group has committed. */
class Progress {
  readonly #log: Log
  readonly #group: string
  readonly #topic: string
  readonly #partitions: number
  /** Of the last few seconds. */
  readonly #history: { readonly ms: number; readonly consumed: number }[] = []
  #movedMs = performance.now()
  consumed = 0

  constructor(log: Log, group: string, topic: string, partitions: number) {
    this.#log = log
    this.#group = group
    this.#topic = topic
    this.#partitions = partitions
  }

  /** Records committed: the topic holds nothing but the shop's, from offset 0 on. */
  async measure(): Promise<number> {
    const numbers = Array.from({ length: this.#partitions }, (_, partition) => partition)
    const committed = await Promise.all(numbers.map((p) => this.#log.committedOffsets(this.#group, [this.#topic], p)))
    const consumed = committed.flat().reduce((total, { offset }) => total + (offset ?? 0), 0)
    const ms = performance.now()
    if (consumed > this.consumed) this.#movedMs = ms
    this.consumed = consumed
    this.#history.push({ ms, consumed })
    while (ms - this.#history[0]!.ms > 5_000) this.#history.shift()
    return consumed
  }

  /** A second. */
  get rate(): number {
    const [first, last] = [this.#history[0], this.#history.at(-1)]
    if (first === undefined || last === undefined || last.ms === first.ms) return 0
    return ((last.consumed - first.consumed) / (last.ms - first.ms)) * 1000
  }

  get stalledMs(): number {
    return performance.now() - this.#movedMs
  }
}

/** What the view shows of ClickHouse, asked for once a second. */
class Stored {
  readonly #client: ClickHouseClient
  #askedMs = Number.NEGATIVE_INFINITY
  profiles = 0
  decisions: readonly StoredDecision[] = []

  constructor(client: ClickHouseClient) {
    this.#client = client
  }

  async refresh(): Promise<void> {
    if (performance.now() - this.#askedMs < storedEveryMs) return
    this.#askedMs = performance.now()
    const [profiles, decisions] = await Promise.all([countProfiles(this.#client), lastDecisions(this.#client, 12)])
    this.profiles = profiles
    // A quiet moment shows the ones before it.
    if (decisions.length > 0) this.decisions = decisions
  }
}
