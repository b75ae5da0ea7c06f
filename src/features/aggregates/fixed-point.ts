/**
 * Exact sums: a value is taken as a whole number of 10^-scale, so that sums do not depend on the order of the events and
 * SQL gives the same digits. Half a unit rounds up: floor(v·10^scale + 0.5), the one rule that JS and ClickHouse share for
 * floats (ClickHouse's `round` is half-to-even, its cast to Decimal truncates).
 */

/** The bound of a fixed-point number: past 2^53 a sum stays at the bound (saturates). */
const bound = Number.MAX_SAFE_INTEGER

export const toFixedPoint = (value: number, unitsPerOne: number) => saturate(Math.floor(value * unitsPerOne + 0.5))

export const saturate = (units: number) => Math.min(Math.max(units, -bound), bound)
