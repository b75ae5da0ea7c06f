/** Longer keys are rare and would let few events fill much memory: they are derived anew each time. */
const maxKeyChars = 1000

/**
 * `derive`, with the answers kept that were used last: at most `max`, at least half as many. They lie in two maps, and
 * when the younger is full it takes the place of the elder: a hit costs one look-up, and no order is kept. What a producer
 * sends is often a slice of a far longer text (a record, a URL), and a slice keeps the whole of it alive: what is kept is
 * therefore a copy of the key, and so is what `derive` gets to cut its answer from.
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
