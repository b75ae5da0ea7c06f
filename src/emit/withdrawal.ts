import type { Case } from '../cases/case.ts'
import type { PublishedAction } from './action.ts'
import type { Place } from './cause.ts'

/**
 * The record that takes an action back: what is known of it, under its id.
 * @param place of the record that is the reason
 * @param policy the version of the present one
 */
export function withdrawalOf(one: Case, customer: string, place: Place, policy: string): PublishedAction {
  const { id, action, treatment, channel, group, tags, purpose, arm, probability, score, failureMs } = one
  const { topic, partition, offset } = place
  return {
    id,
    action,
    customer,
    time: failureMs,
    rank: 0,
    value: score,
    channel,
    // Who does not look at the kind does not deliver it all the same.
    expires_at: failureMs,
    payload: {},
    event_id: '',
    event_type: '',
    topic,
    partition,
    offset,
    policy,
    trigger: 'consent was withdrawn',
    kind: 'withdrawn',
    decision_id: '',
    treatment,
    slot: '',
    purpose,
    group,
    tags,
    arm,
    probability,
  }
}
