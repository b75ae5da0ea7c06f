import type { Candidate } from '../decide/decision.ts'
import type { Arm } from '../decide/policy.ts'
import type { Value } from '../events/event.ts'
import { textOf } from '../events/value-text.ts'
import type { Moment } from '../features/moment.ts'
import { actionId } from './action-id.ts'
import type { Cause } from './cause.ts'
import type { Payload } from './payload.ts'

/** An action as published: the fields of schemas/action.avsc. */
export interface PublishedAction {
  readonly id: string
  readonly action: string
  readonly customer: string
  /** The time as of which it was decided; ms. */
  readonly time: number
  /** 1 for the best. */
  readonly rank: number
  readonly value: number
  readonly channel: string
  readonly expires_at: number | null
  readonly payload: Payload
  /** Empty if a timer triggered the action, and so is the type. */
  readonly event_id: string
  readonly event_type: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly policy: string
  /** The timer that fired; empty for an event. */
  readonly trigger: string
  /** `withdrawn` takes back the action of this id. */
  readonly kind: 'action' | 'withdrawn'
  readonly decision_id: string
  /** The form that the action takes in its channel; empty where it has but one. */
  readonly treatment: string
  /** The place that it was chosen for; empty where the rules name none. */
  readonly slot: string
  /** What the customer's consent is asked for; empty where none is needed. */
  readonly purpose: string
  readonly group: string
  readonly tags: readonly string[]
  /** What an experiment does with the customer; empty where there is none. */
  readonly arm: string
  /** With which it was to be shown, all gates and chance considered. */
  readonly probability: number
}

/** What an action has of its decision. */
export interface Of {
  readonly id: string
  readonly arm: Arm
  /** The version of the policy. */
  readonly policy: string
}

export function publishAction(
  { action, treatment, score, probability, slot }: Candidate,
  rank: number,
  payload: Payload,
  { event, asOfMs }: Moment,
  cause: Cause,
  { id: decision, arm, policy }: Of,
): PublishedAction {
  return {
    id: actionId(cause, event.customer, action.name),
    action: action.name,
    customer: event.customer,
    time: asOfMs,
    rank,
    value: score,
    channel: treatment!.channel,
    expires_at: action.expiresMs === 0 ? null : (cause.sinceMs ?? asOfMs) + action.expiresMs,
    payload,
    event_id: event.id,
    event_type: event.type,
    topic: cause.topic,
    partition: cause.partition,
    offset: cause.offset,
    policy,
    trigger: cause.timer,
    kind: 'action',
    decision_id: decision,
    treatment: treatment!.name,
    slot,
    purpose: action.purpose,
    group: action.group,
    tags: action.tags,
    arm,
    probability,
  }
}

/** For Avro, since our schema only has scalars: lists and maps become JSON text. */
export function toScalar(value: Value): null | boolean | number | string {
  return typeof value === 'object' && value !== null ? textOf(value) : value
}
