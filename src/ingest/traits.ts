import { Event } from '../events/event.ts'
import { defaultMapping, type FieldMapping } from './mapping.ts'

/** A record of a topic of traits: what is known of a customer as of its time. It is nothing that they did. */
export class TraitStatement {
  /** Has no type, and nothing but traits. */
  readonly event: Event

  constructor(event: Event) {
    this.event = event
  }

  get customer(): string {
    return this.event.customer
  }
}

/** For a topic of traits. What an event must have a statement need not: a type. */
export const traitsMapping = (mapping: FieldMapping): FieldMapping => ({
  ...mapping,
  type: { constant: 'traits' },
  ofTraits: true,
})

/** For traits in `schemas/event.avsc`, or in Segment's identify calls. */
export const ownTraits = traitsMapping(defaultMapping)

export function toTraits({ id, customer, anonymousId, timeMs, traits }: Event): TraitStatement {
  const event = new Event()
  return new TraitStatement(Object.assign(event, { id, customer, anonymousId, timeMs, traits }))
}
