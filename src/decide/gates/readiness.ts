import type { Moment } from '../../features/moment.ts'
import { readsAny } from '../../features/reading.ts'
import type { Action } from '../policy.ts'

/**
 * Holds back an action that reads a feature that is not ready, whatever else its condition says: `!has(views_by.shoes)`
 * would mistake "not computed yet" for "no views".
 */
export function readiness({ names }: Action, { notReady }: Moment): 'not_ready' | undefined {
  return notReady !== undefined && readsAny(names, notReady) ? 'not_ready' : undefined
}
