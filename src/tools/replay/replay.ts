import { outcomes } from '../../decide/decision.ts'
import type { PublishedAction } from '../../emit/action.ts'
import type { Engine } from '../../engine.ts'
import type { OutRecord } from '../../events/log.ts'
import type { FieldMapping } from '../../ingest/mapping.ts'
import type { Role } from '../../ingest/role.ts'
import type { Row } from '../sources/row.ts'
import { MemoryProfiles } from './memory-profiles.ts'
import type { GoodRow } from './row-batch.ts'
import { RowPipeline } from './row-pipeline.ts'
import { emptySummary, noteBadLine, type Summary } from './summary.ts'

/** Rows folded at once. Fixed, so that the result does not depend on how a file's bytes arrive. */
const sliceRows = 1000

export interface ReplayedFile {
  /** For messages. */
  readonly name: string
  readonly rows: AsyncIterable<readonly Row[]>
  /** Undefined for rows of our own events. */
  readonly mapping: FieldMapping | undefined
  /** What its rows are; undefined for events. */
  readonly role?: Role | undefined
}

/** One replay: files one after the other, as if they were one. Bound: a slice of rows, and the profiles. */
export class Replay {
  readonly #engine: Engine
  readonly #topic: string
  readonly #nowMs: number
  readonly #profiles: MemoryProfiles
  readonly #bots = new Set<string>()
  readonly #summary = emptySummary()
  #linesBefore = 0
  /** What the code threw for the first event that became a bad line with the reason `processing`. */
  fault: unknown

  /** @param nowMs the present: rows further ahead than `limits.future` have not happened, and must not move the clock */
  constructor(engine: Engine, topic: string, nowMs: number) {
    this.#engine = engine
    this.#topic = topic
    this.#nowMs = nowMs
    this.#profiles = new MemoryProfiles(engine.policy.timers)
  }

  /** The actions of a file in the order of its rows, slice by slice. Throws what reading the rows throws. */
  async *actions({ name, rows, mapping, role }: ReplayedFile): AsyncGenerator<readonly PublishedAction[]> {
    const summary = this.#summary
    const pipeline = new RowPipeline(this.#engine, {
      topic: this.#topic,
      nowMs: this.#nowMs,
      ...(mapping && { mapping }),
      ...(role && { role }),
      onEnriched: ({ customer }, { agent }) => {
        if (!agent.bot) return
        this.#bots.add(customer)
        summary.bot_events++
      },
    })
    let lastLine = 0
    for await (const slice of slicesOf(rows)) {
      lastLine = slice.at(-1)!.line
      summary.lines += slice.length
      const good: GoodRow[] = []
      for (const row of slice) {
        if (row.kind !== 'bad') good.push(row)
        else noteBadLine(summary, 'unreadable', { file: name, line: row.line, detail: row.detail })
      }
      if (good.length === 0) {
        yield []
        continue
      }
      const { records, actions, tally, faults } = pipeline.fold(good, this.#linesBefore, this.#profiles)
      this.fault ??= faults[0]
      this.#noteDeadLetters(name, records)
      summary.events += good.length - sum(tally.deadLetters.values())
      summary.duplicates += tally.duplicates
      summary.late += tally.late
      summary.timers += tally.timers
      for (const outcome of outcomes) summary.decisions[outcome] += tally.decisions[outcome]
      for (const of of ['actions', 'tooLarge'] as const) {
        const counts = of === 'actions' ? summary.actions : summary.too_large
        for (const [action, count] of tally[of]) counts[action] = (counts[action] ?? 0) + count
      }
      yield actions
    }
    this.#linesBefore += lastLine
  }

  /** Rows so far. */
  get lines(): number {
    return this.#summary.lines
  }

  /** The summary so far. */
  summary(): Summary {
    let sessions = 0
    for (const { session } of this.#profiles.all()) sessions += session.index
    const actions = byName(this.#summary.actions)
    const too_large = byName(this.#summary.too_large)
    return { ...this.#summary, actions, too_large, sessions, customers: this.#profiles.size, bots: this.#bots.size }
  }

  #noteDeadLetters(file: string, records: readonly OutRecord[]): void {
    for (const { topic, headers } of records) {
      if (topic !== this.#engine.config.output.dead_letters) continue
      const line = Number(headers['beckon.errors.offset']) - this.#linesBefore
      const detail = String(headers['beckon.errors.detail'])
      noteBadLine(this.#summary, String(headers['beckon.errors.reason']), { file, line, detail })
    }
  }
}

async function* slicesOf(rows: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  let slice: Row[] = []
  try {
    for await (const chunk of rows) {
      for (const row of chunk) {
        slice.push(row)
        if (slice.length < sliceRows) continue
        yield slice
        slice = []
      }
    }
  } catch (error) {
    // The rows before the fault count.
    if (slice.length > 0) yield slice
    throw error
  }
  if (slice.length > 0) yield slice
}

const byName = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))

function sum(counts: Iterable<number>): number {
  let total = 0
  for (const count of counts) total += count
  return total
}
