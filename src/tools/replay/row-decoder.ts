import assert from 'node:assert/strict'
import type { Event } from '../../events/event.ts'
import { compileDecoder, type Decoder, type UnknownSchema } from '../../ingest/decode.ts'
import { defaultMapping, type FieldMapping } from '../../ingest/mapping.ts'
import { Plan } from '../../ingest/plan.ts'
import { eventFromRecord } from '../../ingest/record.ts'
import { Rejected } from '../../ingest/rejected.ts'
import type { GoodRow } from './row-batch.ts'

/**
 * Decodes the rows of a `RowBatch`. A row of fields has no bytes, so the decoder is given the batch's rows first and takes
 * one at each call. Rows must be decoded once each, in order, as `Pipeline.decode` does.
 */
export class RowDecoder implements Decoder {
  readonly head = undefined
  readonly #json: Decoder
  readonly #plan: Plan
  #rows: readonly GoodRow[] = []
  #next = 0

  constructor(mapping: FieldMapping = defaultMapping, maxBytes: number) {
    const json = compileDecoder({ format: 'json', mapping, maxBytes, isOfFile: true })
    assert(!(json instanceof Rejected), 'JSON without a schema has a decoder')
    this.#json = json
    this.#plan = new Plan(mapping, true)
  }

  begin(rows: readonly GoodRow[]): void {
    this.#rows = rows
    this.#next = 0
  }

  decode(bytes: Buffer | null, nowMs: number, start?: number, end?: number): Event | Rejected | UnknownSchema {
    const row = this.#rows[this.#next++]
    assert(row !== undefined, 'each row is decoded once')
    if (row.kind === 'json') return this.#json.decode(bytes, nowMs, start, end)
    try {
      return eventFromRecord(this.#plan, row.fields)
    } catch (fault) {
      if (fault instanceof Rejected) return fault
      throw fault
    }
  }

  addSchema(): void {
    assert.fail('rows have no schema')
  }

  placed(fault: Rejected): Rejected {
    return this.#plan.placed(fault)
  }
}
