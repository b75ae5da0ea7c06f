import { hash } from 'node:crypto'
import type { Cause } from './cause.ts'

/**
 * An action's id: the first 128 bits of SHA-256, as 32 hex digits. The same input always gives the same id, so a consumer
 * can drop what it has seen. The hash is over (input topic, partition, offset, action name). An action triggered by a timer
 * belongs to no offset, so its hash is over (input topic, partition, due time in ms, action name, timer, customer): a timer
 * fires once per due time.
 */
export function actionId({ topic, partition, offset, timer, dueMs }: Cause, customer: string, action: string): string {
  const of = timer === '' ? [topic, partition, offset, action] : [partition, dueMs, action, timer, customer]
  return hash('sha256', of.join('\n'), 'hex').slice(0, 32)
}

/** A decision's id: as an action's, of no action's name. All that chance decides in it is drawn from a hash of that. */
export const decisionId = (cause: Cause, customer: string): string => actionId(cause, customer, '')
