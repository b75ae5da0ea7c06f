import { type Case, isOpen } from './case.ts'

/**
 * The cases of one customer, in the order in which they began: a list that is replaced, never changed in place. It keeps those
 * that are open, and for a while those that have a verdict, since what comes late may change it.
 */
export type Cases = readonly Case[]

/** Most customers have none, so they share it. */
export const noCases: Cases = []

/** The most that a customer keeps. */
export const maxCases = 20
/** How long after its window a case that has a verdict is kept; ms. */
export const keptMs = 7 * 86_400_000
/** The window of an action without a goal; ms. */
export const defaultWindowMs = 7 * 86_400_000

/** When the first window of an open case ends; ms, infinite if none is open. */
export function nextEndMs(cases: Cases): number {
  let nextMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < cases.length; i++) {
    const { endMs } = cases[i]!
    if (endMs < nextMs && isOpen(cases[i]!)) nextMs = endMs
  }
  return nextMs
}

/** @param streamTimeMs the customer's */
export const isKept = (one: Case, streamTimeMs: number): boolean => isOpen(one) || one.endMs + keptMs > streamTimeMs

export interface Change {
  readonly cases: Cases
  /** Those that were changed, as they are now, in the order in which they began. */
  readonly changed: Cases
}

/**
 * Begins a case. Where there are too many, it takes the place of the oldest one with a verdict; if all are open, the oldest one
 * gets its verdict now.
 */
export function begin(cases: Cases, one: Case, streamTimeMs: number): Change {
  const kept = cases.filter((old) => isKept(old, streamTimeMs))
  if (kept.length < maxCases) return { cases: [...kept, one], changed: [one] }
  const closed = kept.findIndex((old) => !isOpen(old))
  const [gone] = kept.splice(Math.max(closed, 0), 1)
  return { cases: [...kept, one], changed: closed < 0 ? [over(gone!), one] : [one] }
}

/** Ends the windows that end at the moment or before it. */
export function endWindows(cases: Cases, momentMs: number): Change {
  const changed: Case[] = []
  const after = cases.map((one) => {
    if (one.endMs > momentMs || !isOpen(one)) return one
    const ended = over(one)
    changed.push(ended)
    return ended
  })
  return { cases: after, changed }
}

const over = (one: Case): Case => ({ ...one, isOver: true, revision: one.revision + 1 })
