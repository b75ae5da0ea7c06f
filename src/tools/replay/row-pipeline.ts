import { type Engine, keepsCases } from '../../engine.ts'
import type { Enrichment } from '../../enrich/enrichment.ts'
import { Event } from '../../events/event.ts'
import { ConsentStatement } from '../../ingest/consent.ts'
import type { FieldMapping } from '../../ingest/mapping.ts'
import type { Role } from '../../ingest/role.ts'
import { TraitStatement } from '../../ingest/traits.ts'
import { Pipeline } from '../../pipeline.ts'
import type { Decoded } from '../../slice-input.ts'
import { emptyOutput, type Output } from '../../slice-output.ts'
import { compileStages } from '../../stages.ts'
import type { MemoryProfiles } from './memory-profiles.ts'
import { type GoodRow, RowBatch } from './row-batch.ts'
import { RowDecoder } from './row-decoder.ts'

export interface RowPipelineOptions {
  /** The topic that the rows are said to come from; it is part of the actions' ids. */
  readonly topic: string
  /** What the topic's records are; if left out, events. */
  readonly role?: Role
  /** If left out, the mapping of our own events. */
  readonly mapping?: FieldMapping
  /** The present; ms. A row that is further ahead of it than `limits.future` is a dead letter. If left out, none is. */
  readonly nowMs?: number
  /** Called with each event and what was derived from it. */
  readonly onEnriched?: (event: Event, enrichment: Enrichment) => void
  /** As in `Stages`. */
  readonly decidesAlways?: boolean
}

export interface RowResult extends Output {
  readonly decoded: readonly Decoded[]
}

/** The service's pipeline over rows of files. Its clock is the largest event time so far, so only the rows matter. */
export class RowPipeline {
  readonly #topic: string
  readonly #decoder: RowDecoder
  readonly #pipeline: Pipeline
  readonly #hasTimers: boolean
  readonly #nowMs: number

  constructor(engine: Engine, { topic, role, mapping, nowMs, onEnriched, decidesAlways = false }: RowPipelineOptions) {
    const { config, enrich } = engine
    this.#topic = topic
    this.#nowMs = nowMs ?? Number.POSITIVE_INFINITY
    this.#decoder = new RowDecoder(mapping, config.limits.max_event_kb * 1024)
    const stages = compileStages(
      {
        ...engine,
        config: {
          ...config,
          topics: [
            // Whether actions have cases is a matter of all topics.
            ...config.topics.filter(({ name }) => name !== topic),
            { name: topic, role, format: 'json', key: 'any', tombstones: 'dead_letter' },
          ],
        },
        decoders: new Map([...engine.decoders, [topic, this.#decoder]]),
        enrich:
          onEnriched === undefined
            ? enrich
            : (event) => {
                const enrichment = enrich(event)
                onEnriched(event, enrichment)
                return enrichment
              },
      },
      'json',
    )
    this.#pipeline = new Pipeline({ ...stages, decidesAlways })
    this.#hasTimers = engine.policy.timers.length > 0 || engine.policy.held.size > 0 || keepsCases(engine)
  }

  /**
   * Folds the rows into the profiles and decides. Timers that are due before an event fire before it, each at its own time, as
   * if the service had been running.
   * @param linesBefore the number of lines in earlier files; the rows' line numbers count on from there
   */
  fold(rows: readonly GoodRow[], linesBefore: number, profiles: MemoryProfiles): RowResult {
    const batch = new RowBatch(this.#topic, rows, linesBefore)
    this.#decoder.begin(rows)
    const decoded = this.#pipeline.decode(batch, 0, batch.count, this.#nowMs)
    const output = emptyOutput()
    let from = 0
    for (let i = 0; i < decoded.length; i++) {
      const event = decoded[i]
      const timeMs = timeOf(event)
      if (timeMs <= profiles.latestMs) continue
      // Earlier rows may start a timer that is due before this one.
      if (this.#hasTimers) {
        this.#pipeline.fold(batch, from, decoded.slice(from, i), profiles, profiles.latestMs, output)
        this.fire(batch.offset(i), timeMs - 1, profiles, output)
        from = i
      }
      profiles.latestMs = timeMs
    }
    this.#pipeline.fold(batch, from, decoded.slice(from), profiles, profiles.latestMs, output)
    return { ...output, decoded }
  }

  /**
   * Lets time pass: fires the timers due until then, each at its own time.
   * @param offset where the log is at that time
   */
  fire(offset: number, untilMs: number, profiles: MemoryProfiles, output = emptyOutput()): Output {
    const at = { topic: this.#topic, partition: 0, offset }
    for (let dueMs = profiles.nextDueMs; dueMs <= untilMs; dueMs = profiles.nextDueMs) {
      const clock = { nowMs: dueMs, clockMs: dueMs }
      this.#pipeline.fire(at, profiles.takeDue(dueMs), profiles, clock, output)
    }
    profiles.latestMs = Math.max(profiles.latestMs, untilMs)
    return output
  }
}

/** ms; 0 for what has no time. */
function timeOf(decoded: Decoded): number {
  if (decoded instanceof TraitStatement) return decoded.event.timeMs
  return decoded instanceof Event || decoded instanceof ConsentStatement ? decoded.timeMs : 0
}
