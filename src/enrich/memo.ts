/** Longer keys are rare, and a few events with them could fill much memory; they are derived again each time. */
const maxKeyChars = 1000

/**
 * `derive` with a cache of the answers used last: at most `max`, at least half as many. They are kept in two maps; when the
 * younger is full it replaces the older. So a hit costs one look-up, and no order has to be kept. A key is often a slice of
 * a far longer text (a record, a URL), and a slice keeps all of that text alive. So the cache keeps a copy of the key, and
 * `derive` gets the copy too, since its answer may be cut from it.
 */
export function memo<T extends object>(max: number, derive: (key: string) => T): (key: string) => T {
  let young = new Map<string, T>()
  let old = new Map<string, T>()
  return (key) => {
    const known = young.get(key)
    if (known !== undefined) return known
    if (key.length > maxKeyChars) return derive(key)
    const own = Buffer.from(key).toString()
    const answer = old.get(key) ?? derive(own)
    if (young.size >= max / 2) {
      old = young
      young = new Map()
    }
    young.set(own, answer)
    return answer
  }
}
