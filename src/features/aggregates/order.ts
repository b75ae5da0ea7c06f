import { compareText } from '../../expressions/compare-text.ts'

/**
 * A total order of the values that features keep, so that ties are settled by the values and not by the order of
 * arrival: false, true, numbers, then strings by code point (ClickHouse's order of UTF-8 bytes).
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
