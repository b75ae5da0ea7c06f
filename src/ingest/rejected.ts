/**
 * Why a record can't be used, as data. The reason becomes a metric's label and a dead letter's header, so the set is closed.
 * The detail is a fixed text of ours, plus names from the mapping or the schema: never a byte of what was sent.
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
  'no_action',
  'id_length',
  'key_mismatch',
  'bad_time',
  'future',
  // Later stages.
  'processing',
  'no_room',
  'output_limit',
] as const

export type Reason = (typeof reasons)[number]

/** Reasons of records that did become events or statements. */
export const laterReasons: readonly Reason[] = ['processing', 'no_room', 'output_limit']

/** In characters. A schema may have longer names, and every dead letter repeats the place. */
const maxPlaceLength = 200

export class Rejected {
  readonly reason: Reason
  readonly detail: string
  /** The writer schema's registry id, -1 if the record has none. */
  readonly schemaId: number
  /** The fields of the event that it is about, if known. */
  readonly fields: readonly MappedField[]
  /** Whether the detail already says where in the record the fault is. */
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

  /** The same with the place added. The first place added is the innermost one, and stays. */
  at({ text, fields }: Place): Rejected {
    if (this.isPlaced || text === '') return this
    const bounded = text.length > maxPlaceLength ? `${text.slice(0, maxPlaceLength)}…` : text
    return new Rejected(this.reason, `${this.detail}: ${bounded}`, this.schemaId, fields, true)
  }
}

/** Where in a record a value is, in words, and which fields of the event it fills. */
export interface Place {
  /** For instance `customer, from user.id`. */
  readonly text: string
  readonly fields: readonly MappedField[]
}

/** What was thrown; if it is a rejection, with the place added. */
export function thrownAt(fault: unknown, place: Place): unknown {
  return fault instanceof Rejected ? fault.at(place) : fault
}

/** A shared rejection, made once when a module loads. */
export function rejected(reason: Reason, detail: string, fields: readonly MappedField[] = []): Rejected {
  return Object.freeze(new Rejected(reason, detail, -1, fields))
}
