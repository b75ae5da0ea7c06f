import type { Moment } from '../../features/moment.ts'
import type { Action, Treatment } from '../policy.ts'
import { isQuietFor, untilMs } from './quiet-hours.ts'

/**
 * An action that waits for the end of quiet hours. It reserves nothing and stores no choice: at the end it is decided anew,
 * with all others that waited until then.
 */
export interface Hold {
  readonly action: string
  /** The quiet hours that it waits for. */
  readonly rule: string
  /** When it was due first: its expiry counts from there; ms. */
  readonly sinceMs: number
  /** When it is decided again; ms. Infinite where the customer's timezone is not known: then once it is. */
  readonly endMs: number
}

/** Most customers have none, so they share it. One an action. */
export const noHolds: readonly Hold[] = []

/** Allocates nothing: it is asked with each event that comes while an action waits. */
export function holdOf(holds: readonly Hold[], action: string): Hold | undefined {
  for (let i = 0; i < holds.length; i++) if (holds[i]!.action === action) return holds[i]
  return undefined
}

/** Whether the action waits for something that is yet to come. */
export const isHeld = (holds: readonly Hold[], action: string, asOfMs: number): boolean =>
  (holdOf(holds, action)?.endMs ?? asOfMs) > asOfMs

/** When the first of them ends; ms, infinite if none does. */
export function nextEndMs(holds: readonly Hold[]): number {
  let next = Number.POSITIVE_INFINITY
  for (let i = 0; i < holds.length; i++) next = Math.min(next, holds[i]!.endMs)
  return next
}

/**
 * The holds with this action's, which waits for the end of the first of its quiet hours; the same list where it waits already.
 * One whose time has come waits on, for as long as it is still worth it.
 */
export function withHold(
  holds: readonly Hold[],
  { name }: Action,
  { quietHours }: Treatment,
  moment: Moment,
  nowMs: number,
): readonly Hold[] {
  if (isHeld(holds, name, moment.asOfMs)) return holds
  const before = holdOf(holds, name)
  for (const rule of quietHours) {
    if (!isQuietFor(rule, moment, nowMs)) continue
    const endMs = untilMs(rule, moment, nowMs)
    const hold = { action: name, rule: rule.held.gate, sinceMs: before?.sinceMs ?? moment.asOfMs, endMs }
    return [...withoutHold(holds, name), hold]
  }
  return holds
}

/** The same list where the action does not wait. */
export function withoutHold(holds: readonly Hold[], action: string): readonly Hold[] {
  if (holdOf(holds, action) === undefined) return holds
  const left = holds.filter((hold) => hold.action !== action)
  return left.length === 0 ? noHolds : left
}
