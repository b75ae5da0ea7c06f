import type { Event } from '../events/event.ts'
import { outcomeType } from '../events/outcome.ts'
import type { FieldMapping } from './mapping.ts'
import { type Rejected, rejected } from './rejected.ts'

/** The mapping for `schemas/outcome.avsc`. */
export const outcomeMapping: FieldMapping = {
  id: 'id',
  customer: 'customer',
  type: 'type',
  time: 'time',
  value: 'value',
  channel: 'channel',
  actionId: 'action_id',
  action: 'action',
}

const noAction = rejected('no_action', 'an outcome that names neither an action id nor an action', [
  'actionId',
  'action',
])

/**
 * Makes an event that was read from a topic of outcomes one of the type `outcome`: what it was (`click`, `rejection` …) becomes
 * the property `outcome`, beside `action_id` and `action`.
 * @returns why it can't be one; undefined if all is well
 */
export function toOutcome(event: Event): Rejected | undefined {
  const { properties } = event
  if (!isText(properties.get('action_id')) && !isText(properties.get('action'))) return noAction
  event.properties = properties.with('outcome', event.type)
  event.type = outcomeType
  return undefined
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''
