import type { Moment } from '../features/moment.ts'
import type { Candidate } from './decision.ts'
import type { Action, Treatment } from './policy.ts'

/**
 * What it is worth to address the customer with the action in this form: propensity × context × value × lever (P × C × V × L,
 * as in Pega's prioritisation), times the treatment's factor. A factor that is not declared is 1. NaN if one of them
 * can't be evaluated.
 */
export function priorityOf({ factors }: Action, { factor }: Treatment, moment: Moment): number {
  let priority = 1
  for (let i = 0; i < factors.length; i++) {
    const of = factors[i]!.evaluate(moment)
    if (typeof of !== 'number') return Number.NaN
    priority *= of
  }
  if (factor === undefined) return priority
  const of = factor(moment)
  return typeof of === 'number' ? priority * of : Number.NaN
}

/** What is mandatory first, then the most valuable; ties by sooner expiry, then by name; without a value last. */
export function byRank(a: Candidate, b: Candidate): number {
  const [x, y] = [a.action, b.action]
  if (x.mandatory !== y.mandatory) return x.mandatory ? -1 : 1
  const [hasNone, hasNoneEither] = [Number.isNaN(a.score), Number.isNaN(b.score)]
  if (hasNone !== hasNoneEither) return hasNone ? 1 : -1
  if (a.score !== b.score && !hasNone) return b.score - a.score
  if (x !== y) return sooner(x.expiresMs, y.expiresMs) || (x.name < y.name ? -1 : 1)
  return nameOf(a) < nameOf(b) ? -1 : 1
}

/** 0 is never. */
function sooner(aMs: number, bMs: number): number {
  if (aMs === bMs) return 0
  if (aMs === 0 || bMs === 0) return aMs === 0 ? 1 : -1
  return aMs - bMs
}

const nameOf = ({ treatment }: Candidate) => treatment?.name ?? ''
