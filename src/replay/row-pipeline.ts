import type { Engine } from '../engine.ts'
import type { Enrichment } from '../enrich/enrichment.ts'
import { Event } from '../events/event.ts'
import type { FieldMapping } from '../ingest/mapping.ts'
import { type Decoded, Pipeline, type SliceResult } from '../pipeline.ts'
import { compileStages } from '../stages.ts'
import type { MemoryProfiles } from './memory-profiles.ts'
import { type GoodRow, RowBatch } from './row-batch.ts'
import { RowDecoder } from './row-decoder.ts'

export interface RowPipelineOptions {
  /** What the rows are said to come from: it is part of the actions' ids. */
  readonly topic: string
  /** That of our own events where it is left out. */
  readonly mapping?: FieldMapping
  /** Sees each event with what was derived of it. */
  readonly onEnriched?: (event: Event, enrichment: Enrichment) => void
}

/**
 * The service's pipeline over rows of files. Its clock is the largest event time so far, so the result depends on the rows
 * alone, and no row is in the future.
 */
export class RowPipeline {
  readonly #topic: string
  readonly #decoder: RowDecoder
  readonly #pipeline: Pipeline

  constructor(engine: Engine, { topic, mapping, onEnriched }: RowPipelineOptions) {
    const { config, enrich } = engine
    this.#topic = topic
    this.#decoder = new RowDecoder(mapping, config.limits.max_event_kb * 1024)
    const stages = compileStages(
      {
        ...engine,
        config: {
          ...config,
          topics: [{ name: topic, format: 'json', key: 'any', tombstones: 'dead_letter' }],
          limits: { ...config.limits, future: Number.POSITIVE_INFINITY },
        },
        decoders: new Map([[topic, this.#decoder]]),
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
    this.#pipeline = new Pipeline(stages)
  }

  /**
   * Folds the rows into the profiles and decides.
   * @param linesBefore the lines of the files before, behind which the rows' own line numbers count
   */
  fold(rows: readonly GoodRow[], linesBefore: number, profiles: MemoryProfiles): SliceResult & { decoded: Decoded[] } {
    const batch = new RowBatch(this.#topic, rows, linesBefore)
    this.#decoder.begin(rows)
    const decoded = this.#pipeline.decode(batch, 0, batch.count, profiles.latestMs)
    for (const event of decoded) {
      if (event instanceof Event && event.timeMs > profiles.latestMs) profiles.latestMs = event.timeMs
    }
    return { ...this.#pipeline.fold(batch, 0, decoded, profiles, profiles.latestMs), decoded }
  }
}
