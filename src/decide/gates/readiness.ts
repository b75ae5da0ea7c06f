import type { Moment } from '../../features/moment.ts'
import { readsAny } from '../../features/reading.ts'
import type { Refusal } from '../decision.ts'
import type { Action } from '../policy.ts'

const refusal: Refusal = { reason: 'not_ready', gate: '' }

/**
 * Holds back an action that reads a feature that is not ready, whatever else its condition says: `!has(views_by.shoes)`
 * would mistake "not computed yet" for "no views".
 */
export function readiness({ names }: Action, { notReady }: Moment): Refusal | undefined {
  return notReady !== undefined && readsAny(names, notReady) ? refusal : undefined
}
