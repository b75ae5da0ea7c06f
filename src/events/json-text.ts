import type { Value } from './event.ts'

/** A quick first test: a text without this holds no number that the server refuses. Most texts end here. */
const long = /\d{19}/
/** A string or a number in JSON. */
const token = /"(?:[^"\\]+|\\.)*"|-?\d[\d.]*(?:e[+-]?\d+)?/g
const refused = /^(?:\d{20,}|-\d{19,})$/

/**
 * A value as JSON that ClickHouse can read. JavaScript writes whole numbers below 10^21 as digits. If one does not fit into
 * 64 bits, the server refuses the whole text; with `e0` after the digits it reads the same double.
 */
export function toJsonText(value: Value): string {
  const text = JSON.stringify(value)
  return long.test(text) ? text.replace(token, (found) => (refused.test(found) ? `${found}e0` : found)) : text
}
