import type { Value } from '../../events/event.ts'
import { compareText } from '../../expressions/compare-text.ts'

/**
 * A total order of the values that features keep, so that ties are settled by value and not by order of arrival: false,
 * true, numbers, then strings by code point (ClickHouse's order of UTF-8 bytes).
 */
export type Scalar = boolean | number | string

export const isScalar = (value: unknown): value is Scalar =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

const rank = (value: Scalar) => (typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2)

/** Negative when a comes first, positive when b does, 0 when they are the same. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  return typeof a === typeof b ? Number(a) - Number(b) : rank(a) - rank(b)
}

/** Orders anything a producer can send: null, scalars in their order, then lists, then maps; these two by their JSON text. */
export function compareValues(a: Value, b: Value): number {
  if (isScalar(a) && isScalar(b)) return compareScalars(a, b)
  const by = kindOf(a) - kindOf(b)
  return by !== 0 || a === null ? by : compareText(JSON.stringify(a), JSON.stringify(b))
}

const kindOf = (value: Value) => (value === null ? 0 : isScalar(value) ? 1 : Array.isArray(value) ? 2 : 3)
