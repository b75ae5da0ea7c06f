import type { Candidate } from '../decide/decide.ts'
import type { Event, Value } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'
import { actionId } from './action-id.ts'

/** An action as it is published: the fields of schemas/action.avsc. */
export interface PublishedAction {
  readonly id: string
  readonly action: string
  readonly customer: string
  /** As of when it was decided; ms. */
  readonly time: number
  /** 1 for the best. */
  readonly rank: number
  readonly value: number
  readonly channel: string
  readonly expires_at: number | null
  readonly payload: Readonly<Record<string, null | boolean | number | string>>
  readonly event_id: string
  readonly event_type: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly policy: string
}

/** Where an event lies in the input. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export function publishAction(
  { action, score }: Candidate,
  rank: number,
  event: Event,
  moment: Moment,
  { topic, partition, offset }: Position,
  policy: string,
): PublishedAction {
  return {
    id: actionId(topic, partition, offset, action.name),
    action: action.name,
    customer: event.customer,
    time: moment.asOfMs,
    rank,
    value: score,
    channel: action.channel,
    expires_at: action.expiresMs === 0 ? null : moment.asOfMs + action.expiresMs,
    payload: Object.fromEntries(action.payload.map(([name, of]) => [name, scalar(of(moment) as Value | undefined)])),
    event_id: event.id,
    event_type: event.type,
    topic,
    partition,
    offset,
    policy,
  }
}

/** A payload holds scalars; lists and maps go as JSON text, what has no value as null. */
function scalar(value: Value | undefined): null | boolean | number | string {
  if (value === undefined || value === null) return null
  return typeof value === 'object' ? JSON.stringify(value) : value
}
