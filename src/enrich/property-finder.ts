import type { Properties } from '../events/event.ts'

/**
 * Finds several properties in one pass over the names. Returns the place in `properties` of each wanted name, -1 if it is
 * missing; null if all are missing. Events of one record schema share their array of names, so the answer for the array
 * seen last is kept.
 */
export function compilePropertyFinder(wanted: readonly string[]): (properties: Properties) => readonly number[] | null {
  const order = new Map(wanted.map((name, i) => [name, i]))
  // The first letter rules out most names, far cheaper than a look-up.
  const starts = new Set(wanted.map((name) => name.charCodeAt(0)))
  const mayStart = Uint8Array.from({ length: 128 }, (_, char) => (starts.has(char) ? 1 : 0))
  let seen: readonly string[] = []
  let answer: readonly number[] | null = null

  function find(names: readonly string[]): readonly number[] | null {
    let places: number[] | null = null
    for (let at = 0; at < names.length; at++) {
      const name = names[at]!
      if (mayStart[name.charCodeAt(0)] !== 1) continue
      const i = order.get(name)
      if (i === undefined) continue
      places ??= wanted.map(() => -1)
      places[i] = at
    }
    return places
  }

  return ({ names }) => {
    if (names !== seen) {
      answer = find(names)
      seen = names
    }
    return answer
  }
}
