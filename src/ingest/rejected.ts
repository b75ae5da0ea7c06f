/**
 * Why a record can't be used, as data. The reason is a metric's label and a dead letter's header, so the set is
 * closed and the detail is a fixed text of ours: never a byte of what was sent.
 */

export const reasons = [
  // The record and its framing.
  'tombstone',
  'too_short',
  'too_large',
  'bad_magic',
  'json',
  // The schema.
  'unknown_schema',
  'schema_not_allowed',
  'bad_schema',
  'unresolvable',
  // The encoding.
  'truncated',
  'trailing',
  'limit',
  'depth',
  'bad_index',
  'range',
  'precision',
  'not_finite',
  'utf8',
  // The meaning.
  'no_user',
  'id_length',
  'key_mismatch',
  'bad_time',
  'future',
  // Later stages.
  'processing',
  'output_limit',
] as const

export type Reason = (typeof reasons)[number]

/** Of records that were events. */
export const laterReasons: readonly Reason[] = ['processing', 'output_limit']

export class Rejected {
  readonly reason: Reason
  readonly detail: string
  /** The writer schema's registry id, -1 where the record has none. */
  readonly schemaId: number

  constructor(reason: Reason, detail: string, schemaId = -1) {
    this.reason = reason
    this.detail = detail
    this.schemaId = schemaId
  }

  withSchema(schemaId: number): Rejected {
    return new Rejected(this.reason, this.detail, schemaId)
  }
}

/** A shared rejection, made once where a module loads. */
export function rejected(reason: Reason, detail: string): Rejected {
  return Object.freeze(new Rejected(reason, detail))
}
