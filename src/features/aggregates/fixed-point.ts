/**
 * Exact sums: a value becomes a whole number of units of 10^-scale, so sums do not depend on the order of events, and SQL
 * gives the same digits. Half a unit rounds up: floor(v·10^scale + 0.5), the only rule that JS and ClickHouse share for
 * floats (ClickHouse's `round` is half-to-even, and its cast to Decimal truncates).
 */

/** The bound of a fixed-point number: past 2^53 a sum stays at the bound (saturates). */
const bound = Number.MAX_SAFE_INTEGER

export const toFixedPoint = (value: number, unitsPerOne: number) => saturate(Math.floor(value * unitsPerOne + 0.5))

export const saturate = (units: number) => Math.min(Math.max(units, -bound), bound)
