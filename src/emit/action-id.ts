import { hash } from 'node:crypto'

/**
 * An action's id: the first 128 bits of SHA-256 over (input topic, partition, offset, action name), as 32 hex digits. The
 * same input gives the same id, whoever computes it and however often, so a consumer can drop what it has seen.
 */
export function actionId(topic: string, partition: number, offset: number, action: string): string {
  return hash('sha256', `${topic}\n${partition}\n${offset}\n${action}`, 'hex').slice(0, 32)
}
