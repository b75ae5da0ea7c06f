import type { Moment } from '../../features/moment.ts'
import { readsAny } from '../../features/reading.ts'
import type { Action } from '../policy.ts'

/**
 * Holds back what reads a feature that is not ready, whatever else it says: `!has(views_by.shoes)` would take what is not
 * there yet for what is not there.
 */
export function readiness({ names }: Action, { notReady }: Moment): 'not_ready' | undefined {
  return notReady !== undefined && readsAny(names, notReady) ? 'not_ready' : undefined
}
