/**
 * Whole numbers past 2^53 in two cells, high·2^52 + low with 0 <= low < 2^52: exact below 2^105, past that to a relative
 * 2^-53. Adding allocates nothing; only reading makes a bigint.
 */
const base = 2 ** 52
const half = 2 ** 26

/** The largest number that `addNumber` and `addSquare` take. */
export const maxWideTerm = base - 1

/** Adds a whole number from -maxWideTerm to maxWideTerm. */
export function addNumber(cells: number[], at: number, term: number): void {
  addWide(cells, at, term < 0 ? -1 : 0, term < 0 ? term + base : term)
}

/** Adds the square of a whole number from -maxWideTerm to maxWideTerm. */
export function addSquare(cells: number[], at: number, term: number): void {
  // (a·2^26 + b)² = a²·2^52 + 2ab·2^26 + b², each product below 2^53.
  const size = Math.abs(term)
  const a = Math.floor(size / half)
  const b = size - a * half
  const middle = Math.floor((2 * a * b) / half)
  addWide(cells, at, a * a + middle, (2 * a * b - middle * half) * half)
  addWide(cells, at, 0, b * b)
}

/** Adds high·2^52 + low. */
export function addWide(cells: number[], at: number, high: number, low: number): void {
  const sum = cells[at + 1]! + low
  const carry = sum >= base ? 1 : 0
  cells[at]! += high + carry
  cells[at + 1] = sum - carry * base
}

/** The nearest number: exact below 2^53. */
export const toNumber = (high: number, low: number) => high * base + low

export const toBigInt = (high: number, low: number) => BigInt(high) * BigInt(base) + BigInt(low)
