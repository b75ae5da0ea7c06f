import type { Value } from './event.ts'

/** What may hold a number that the server refuses: a first look, which most texts do not pass. */
const long = /\d{19}/
/** A text, or a number. */
const token = /"(?:[^"\\]+|\\.)*"|-?\d[\d.]*(?:e[+-]?\d+)?/g
const refused = /^(?:\d{20,}|-\d{19,})$/

/**
 * A value as JSON that ClickHouse reads. JavaScript writes whole numbers below 10^21 as digits, and for one that does not
 * fit into 64 bits the server refuses the whole text; with `e0` behind its digits it reads the same double.
 */
export function toJsonText(value: Value): string {
  const text = JSON.stringify(value)
  return long.test(text) ? text.replace(token, (found) => (refused.test(found) ? `${found}e0` : found)) : text
}
