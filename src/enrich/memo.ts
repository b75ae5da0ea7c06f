import { LRUCache } from 'lru-cache'

/** Longer keys are rare and would let few events fill much memory: they are derived anew each time. */
const maxKeyChars = 1000

/**
 * `derive`, with its last `max` answers kept. What a producer sends is often a slice of a far longer text (a record,
 * a URL), and a slice keeps the whole of it alive: what is kept is therefore a copy of the key, and so is what
 * `derive` gets to cut its answer from.
 */
export function memo<T extends object>(max: number, derive: (key: string) => T): (key: string) => T {
  const answers = new LRUCache<string, T>({ max })
  return (key) => {
    if (key.length > maxKeyChars) return derive(key)
    const known = answers.get(key)
    if (known !== undefined) return known
    const own = Buffer.from(key).toString()
    const answer = derive(own)
    answers.set(own, answer)
    return answer
  }
}
