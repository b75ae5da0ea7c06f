import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { brokerNames } from '../../src/tools/stack/part.ts'
import { killPart, startPart, stopPart } from '../../src/tools/stack/stack.ts'
import type { BrokerEnd } from './schedule.ts'

const { Kafka, logLevel } = kafkajs

const lookMs = 250
/** The longest that a cluster with all its brokers may take until every copy of a partition has caught up. */
const wholeMs = 180_000
/** A start may fail on a machine with much to do. */
const starts = 3

/** What became of the brokers. */
export interface BrokersSeen {
  ends: number
  /** Of these, by SIGKILL; the others were asked to end. */
  kills: number
  /** How often a partition's leader was another one than before. */
  moved: number
}

/**
 * Ends brokers one after the other, and starts each again; the next one only when every partition has all its copies, so
 * that two are never away at once.
 */
export async function endInTurn(
  dir: string,
  ends: readonly BrokerEnd[],
  leaders: Leaders,
  seen: BrokersSeen,
  say: (line: string) => void,
): Promise<void> {
  for (const { broker, kill, awayMs, peaceMs } of ends) {
    await leaders.untilWhole()
    await sleep(peaceMs)
    const part = brokerNames[broker]!
    await (kill ? killPart : stopPart)({ dir, part })
    seen.ends++
    if (kill) seen.kills++
    say(`${part} ${kill ? 'was killed' : 'has ended'}, for ${(awayMs / 1000).toFixed(1)} s`)
    await sleep(awayMs)
    await startAgain(dir, part)
  }
  await leaders.untilWhole()
}

async function startAgain(dir: string, part: (typeof brokerNames)[number]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await startPart({ dir, part })
      return
    } catch (error) {
      if (tries === starts) throw error
      await killPart({ dir, part })
    }
  }
}

/** Looks at who leads which partition, and whether all copies have what the leader has. */
export class Leaders {
  readonly #brokers: readonly string[]
  readonly #seen: BrokersSeen
  readonly #leaderOf = new Map<string, number>()
  #admin: Admin | undefined
  #whole = false
  #looks = 0
  #ended = false
  readonly #looking: Promise<void>

  constructor(brokers: readonly string[], seen: BrokersSeen) {
    this.#brokers = brokers
    this.#seen = seen
    this.#looking = this.#lookOn()
  }

  /** Resolves after a look that began later than this call, and found every partition whole. */
  async untilWhole(): Promise<void> {
    const deadlineMs = Date.now() + wholeMs
    for (const from = this.#looks + 1; !(this.#whole && this.#looks > from); await sleep(lookMs)) {
      if (Date.now() > deadlineMs) throw new Error(`not every partition was whole within ${wholeMs / 1000} s`)
    }
  }

  async close(): Promise<void> {
    this.#ended = true
    await this.#looking
  }

  async #lookOn(): Promise<void> {
    for (; !this.#ended; await sleep(lookMs)) {
      try {
        this.#admin ??= await this.#connect()
        await this.#look(this.#admin)
      } catch {
        // The broker that it asked is away; another one answers.
        this.#whole = false
        await this.#disconnect()
      }
      this.#looks++
    }
    await this.#disconnect()
  }

  async #look(admin: Admin): Promise<void> {
    const { topics } = await admin.fetchTopicMetadata()
    const { brokers } = await admin.describeCluster()
    let whole = brokers.length === this.#brokers.length
    for (const { name, partitions } of topics) {
      for (const { partitionId, leader, replicas, isr } of partitions) {
        if (isr.length < replicas.length || leader < 0) whole = false
        const key = `${name}/${partitionId}`
        const before = this.#leaderOf.get(key)
        if (leader < 0 || leader === before) continue
        this.#leaderOf.set(key, leader)
        if (before !== undefined) this.#seen.moved++
      }
    }
    this.#whole = whole
  }

  async #connect(): Promise<Admin> {
    const retry = { retries: 2, initialRetryTime: 100 }
    const kafka = new Kafka({ brokers: [...this.#brokers], clientId: 'leaders', retry, logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    return admin
  }

  async #disconnect(): Promise<void> {
    await this.#admin?.disconnect().catch(() => undefined)
    this.#admin = undefined
  }
}
