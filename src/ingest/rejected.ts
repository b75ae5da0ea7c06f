/**
 * Why a record can't be used, as data. The reason is a metric's label and a dead letter's header, so the set is
 * closed and the detail is a fixed text of ours, with names of the mapping and of a schema: never a byte of what was sent.
 */

import type { MappedField } from './mapping.ts'

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

/** A schema may have longer names, and each dead letter repeats the place. */
const maxPlaceLength = 200

export class Rejected {
  readonly reason: Reason
  readonly detail: string
  /** The writer schema's registry id, -1 where the record has none. */
  readonly schemaId: number
  /** The fields of the event that it is about, where that is known. */
  readonly fields: readonly MappedField[]
  /** Whether the detail says where in the record it is. */
  readonly isPlaced: boolean

  constructor(reason: Reason, detail: string, schemaId = -1, fields: readonly MappedField[] = [], isPlaced = false) {
    this.reason = reason
    this.detail = detail
    this.schemaId = schemaId
    this.fields = fields
    this.isPlaced = isPlaced
  }

  withSchema(schemaId: number): Rejected {
    return new Rejected(this.reason, this.detail, schemaId, this.fields, this.isPlaced)
  }

  /** The same, and where it is: the first place that is told is the innermost, and stays. */
  at({ text, fields }: Place): Rejected {
    if (this.isPlaced || text === '') return this
    const bounded = text.length > maxPlaceLength ? `${text.slice(0, maxPlaceLength)}…` : text
    return new Rejected(this.reason, `${this.detail}: ${bounded}`, this.schemaId, fields, true)
  }
}

/** Where in a record a value lies, in words, and the fields of the event that it fills. */
export interface Place {
  /** For instance `customer, from user.id`. */
  readonly text: string
  readonly fields: readonly MappedField[]
}

/** What was thrown, with the place where it was. */
export function thrownAt(fault: unknown, place: Place): unknown {
  return fault instanceof Rejected ? fault.at(place) : fault
}

/** A shared rejection, made once where a module loads. */
export function rejected(reason: Reason, detail: string, fields: readonly MappedField[] = []): Rejected {
  return Object.freeze(new Rejected(reason, detail, -1, fields))
}
