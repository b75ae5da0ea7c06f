import type { RecordBatch, RecordHeader } from '../../events/log.ts'
import type { Row } from '../sources/row.ts'

/** A row that could be read from its file. */
export type GoodRow = Exclude<Row, { kind: 'bad' }>

const noHeaders: readonly RecordHeader[] = []

/**
 * Rows of a file seen as records of partition 0, so that the pipeline takes them like a topic's records. A row's offset is
 * its line number, counted on from the files before. Only JSON rows have a value in bytes.
 */
export class RowBatch implements RecordBatch {
  readonly topic: string
  readonly partition = 0
  readonly startOffset: number
  readonly count: number
  readonly nextOffset: number
  readonly highWatermark: number
  readonly #rows: readonly GoodRow[]
  readonly #linesBefore: number

  /** @param rows in the order of their lines, at least one */
  constructor(topic: string, rows: readonly GoodRow[], linesBefore: number) {
    this.topic = topic
    this.#rows = rows
    this.#linesBefore = linesBefore
    this.count = rows.length
    this.startOffset = this.offset(0)
    this.nextOffset = this.offset(rows.length - 1) + 1
    this.highWatermark = this.nextOffset
  }

  offset(i: number): number {
    return this.#linesBefore + this.#rows[i]!.line
  }

  timestamp(): number {
    return 0
  }

  key(): null {
    return null
  }

  value(i: number): Buffer | null {
    const row = this.#rows[i]!
    return row.kind === 'json' ? row.bytes : null
  }

  headers(): readonly RecordHeader[] {
    return noHeaders
  }
}
