import type { Value } from '../events/event.ts'
import { textOf } from '../events/value-text.ts'
import type { FeatureSql } from '../sql/features.ts'

/** The result of comparing one feature, over all customers looked at. */
export interface FeatureTally {
  readonly feature: string
  compared: number
  equal: number
  /** The values differ, but within the bound that the kind states. */
  withinBound: number
  different: number
  /** The largest |streamed - computed| / max(|streamed|, |computed|); 1 if they are not both numbers; 0 if all are equal. */
  worst: number
  /** The first few customers whose values differ. Personal data. */
  readonly examples: Example[]
}

interface Example {
  readonly customer: string
  readonly streamed: Value
  readonly computed: Value
}

const maxExamples = 3

export const emptyTally = (feature: string): FeatureTally => ({
  feature,
  compared: 0,
  equal: 0,
  withinBound: 0,
  different: 0,
  worst: 0,
  examples: [],
})

/**
 * Adds one customer's value.
 * @param profile its values; null if it has none
 * @param cell from the query's row; undefined if `events` has nothing on the customer
 */
export function addToTally(
  tally: FeatureTally,
  feature: FeatureSql,
  profile: { readonly customer: string; readonly value: (feature: string) => Value },
  cell: unknown,
): void {
  const { customer } = profile
  const streamed = profile.value(feature.name)
  const computed = cell === undefined ? null : asStored(feature.read(cell))
  tally.compared++
  if (cell !== undefined && isSame(streamed, computed)) {
    tally.equal++
    return
  }
  tally.worst = Math.max(tally.worst, distance(streamed, computed))
  if (cell !== undefined && isWithinBound(feature, profile.value, cell)) tally.withinBound++
  else {
    tally.different++
    if (tally.examples.length < maxExamples) tally.examples.push({ customer, streamed, computed })
  }
}

/** A computed feature may have any value if one that it reads differs, as long as that one is within its own bound. */
function isWithinBound(feature: FeatureSql, streamedOf: (feature: string) => Value, cell: unknown): boolean {
  const { name, allows, bounded } = feature
  if (bounded === undefined) return allows?.(streamedOf(name), cell) ?? false
  return bounded.some((read, i) => {
    const own = (cell as readonly unknown[])[i + 1]
    return !isSame(streamedOf(read.name), asStored(read.read(own))) && isWithinBound(read, streamedOf, own)
  })
}

/** A value as in a profile's readable columns (`profiles/readable.ts`): a bool is 0 or 1, lists hold texts, maps numbers. */
function asStored(value: Value): Value {
  if (typeof value === 'boolean') return Number(value)
  if (Array.isArray(value)) return value.map(textOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([, item]) => typeof item === 'number'))
}

function isSame(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  // Works for lists too, by their indices.
  const [ours, theirs] = [new Map(Object.entries(a)), Object.entries(b)]
  return ours.size === theirs.length && theirs.every(([key, item]) => ours.get(key) === item)
}

function distance(a: Value, b: Value): number {
  if (typeof a !== 'number' || typeof b !== 'number') return 1
  return Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b))
}

export interface ParitySummary {
  readonly features: number
  readonly compared: number
  readonly equal: number
  readonly within_bound: number
  readonly different: number
  readonly worst: number
}

export function summarize(tallies: readonly FeatureTally[]): ParitySummary {
  const sum = (of: (tally: FeatureTally) => number) => tallies.reduce((total, tally) => total + of(tally), 0)
  return {
    features: tallies.length,
    compared: sum(({ compared }) => compared),
    equal: sum(({ equal }) => equal),
    within_bound: sum(({ withinBound }) => withinBound),
    different: sum(({ different }) => different),
    worst: tallies.reduce((most, { worst }) => Math.max(most, worst), 0),
  }
}
