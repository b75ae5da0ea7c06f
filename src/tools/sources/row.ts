import type { Properties } from '../../events/event.ts'

/**
 * One row of a replayed file. `line` counts from 1; a CSV row that spans lines has the number of its last one.
 * - `fields`: a CSV row or a line of an access log, as a topic's field mapping reads it;
 * - `json`: the bytes of one JSON object, for the same decoder as that of a JSON topic;
 * - `bad`: a row that can't be read, with a fixed message that quotes nothing of it.
 */
export type Row =
  | { readonly kind: 'fields'; readonly line: number; readonly fields: Properties }
  | { readonly kind: 'json'; readonly line: number; readonly bytes: Buffer }
  | { readonly kind: 'bad'; readonly line: number; readonly detail: string }

/** Rows are passed on in arrays of at most this many. */
export const maxChunkRows = 1000

/** A longer row is bad: it bounds the memory that a file can take, whatever is in it. */
export const maxRowBytes = 1 << 20

/** A file that can't be opened, or can't be read to its end. Rows before the fault were passed on. */
export class SourceError extends Error {
  readonly code: 'unreadable' | 'unknown_format' | 'broken'

  constructor(code: SourceError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SourceError'
    this.code = code
  }
}
