import { hash } from 'node:crypto'
import type { Cause } from './cause.ts'

/**
 * An action's id: the first 128 bits of SHA-256, as 32 hex digits. The same input gives the same id, whoever computes it and
 * however often, so a consumer can drop what it has seen. It is over (input topic, partition, offset, action name); an
 * action of a timer answers no offset, so its id is over (input topic, partition, due time in ms, action name, timer,
 * customer): a timer fires once for a due time.
 */
export function actionId({ topic, partition, offset, timer, dueMs }: Cause, customer: string, action: string): string {
  const of = timer === '' ? [topic, partition, offset, action] : [partition, dueMs, action, timer, customer]
  return hash('sha256', of.join('\n'), 'hex').slice(0, 32)
}
