import type { Log, TopicState } from '../log/log.ts'
import type { Logger } from '../ops/logger.ts'
import { TaskFailure } from './failure.ts'
import { createdAnew } from './log-changes.ts'
import { otherPartitions } from './partitions.ts'

/** How soon a change is noticed if nothing else reports it. */
const everyMs = 5_000
/** A broker that has just started may not know all topics, so a topic counts as gone only after this many looks and this long. */
const missesUntilDeleted = 3
const goneMs = 10_000

interface Watched {
  readonly log: Log
  readonly inputs: readonly string[]
  readonly journal: string
  /** The other topics that are written to. */
  readonly outputs: readonly string[]
  /** A topic that need not be there. */
  readonly rules: string
  /** The number of partitions of the input topics when the service started. */
  readonly partitions: number
  readonly logger: Logger
  /** Called when a broker has answered. */
  readonly onAnswer: () => void
  /** Called when no partition can safely go on; again with each look that finds it so. */
  readonly onChange: (failure: TaskFailure) => void
}

/**
 * Checks the topics every few seconds, at each assignment, and when a fetch finds one gone: are they still the topics, with the
 * same number of partitions, that the profiles were made from? It sends one request for all of them, to any broker, so it
 * also shows whether Kafka answers.
 */
export class TopicWatch {
  readonly #watched: Watched
  readonly #ids = new Map<string, string>()
  #hasRules: boolean | undefined
  /** By topic that the last looks did not find: how many looks, and since when (monotonic clock, ms). */
  readonly #misses = new Map<string, { readonly looks: number; readonly sinceMs: number }>()
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #answeredMs = performance.now()
  /** No broker answered the last look. */
  #away = false

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** The topic's id when it was first seen; undefined before that. */
  idOf(topic: string): string | undefined {
    return this.#ids.get(topic)
  }

  /** Whether the last look that was answered found the topic of rules; undefined before the first. */
  get hasRules(): boolean | undefined {
    return this.#hasRules
  }

  /** Topics that the last look did not find, of those that are needed. */
  get missing(): string[] {
    return [...this.#misses.keys()]
  }

  /** How long no broker has answered; ms. */
  get silentMs(): number {
    return this.#away ? performance.now() - this.#answeredMs : 0
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Never throws. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { log, inputs, journal, outputs, rules, logger, onAnswer } = this.#watched
    let found: TopicState[]
    try {
      found = await log.topics([...inputs, journal, ...outputs, rules])
    } catch (error) {
      logger.warn('topics.not_seen', { error })
      this.#away = true
      return
    }
    onAnswer()
    this.#away = false
    this.#answeredMs = performance.now()
    this.#hasRules = found.some(({ topic }) => topic === rules)
    const byName = new Map(found.map((state) => [state.topic, state]))
    for (const topic of [...inputs, journal, ...outputs]) this.#note(topic, byName.get(topic))
  }

  #note(topic: string, state: TopicState | undefined): void {
    const { inputs, journal, onChange } = this.#watched
    if (state === undefined) this.#miss(topic)
    else this.#misses.delete(topic)
    const isInput = inputs.includes(topic)
    const failure =
      state === undefined
        ? isInput && this.#isGone(topic) && deleted(topic)
        : isInput
          ? this.#changeOf(state)
          : topic === journal && this.#tooFew(state)
    if (failure) onChange(failure)
  }

  #miss(topic: string): void {
    const { looks, sinceMs } = this.#misses.get(topic) ?? { looks: 0, sinceMs: performance.now() }
    this.#misses.set(topic, { looks: looks + 1, sinceMs })
  }

  /** Time counts too: a failed fetch asks for a look at once, so several looks may come within a moment. */
  #isGone(topic: string): boolean {
    const { looks, sinceMs } = this.#misses.get(topic)!
    return looks >= missesUntilDeleted && performance.now() - sinceMs >= goneMs
  }

  #changeOf({ topic, id, partitions }: TopicState): TaskFailure | undefined {
    const known = this.#ids.get(topic) ?? id
    this.#ids.set(topic, known)
    if (known !== id) return createdAnew(topic)
    if (partitions === this.#watched.partitions) return undefined
    return otherPartitions(topic, this.#watched.partitions, `has ${partitions}: beckon repartition moves the customers`)
  }

  #tooFew({ topic, partitions }: TopicState): TaskFailure | undefined {
    if (partitions >= this.#watched.partitions) return undefined
    const needed = `the input topics have ${this.#watched.partitions}`
    return new TaskFailure('partitions', `the journal ${topic} now has ${partitions} partitions, ${needed}`)
  }
}

const deleted = (topic: string) =>
  new TaskFailure('deleted', `${topic} is not there any more, or may no longer be described: see the runbook`)
