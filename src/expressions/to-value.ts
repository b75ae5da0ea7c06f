import { Properties, type Value } from '../events/event.ts'
import { textOf } from '../events/value-text.ts'
import { LazyMap } from './lazy-map.ts'

/**
 * What an expression gave, as a value that JSON has: a map that the expression wrote down, an event's properties and a
 * customer's traits become objects, and CEL's error becomes null. A key that is no text becomes one, a list or a map its JSON;
 * of two keys that are the same text the later one counts.
 */
export function toValue(result: unknown): Value {
  if (typeof result !== 'object' || result === null) return (result ?? null) as Value
  if (Array.isArray(result)) return result.map(toValue)
  if (result instanceof LazyMap) return result.toObject()
  const isMap = result instanceof Map
  // An object came with an event or from a feature, and holds neither of the two.
  if (!isMap && !(result instanceof Properties)) return result as Value
  const entries = isMap ? [...result] : result.names.map((name, i) => [name, result.values[i]] as const)
  return Object.fromEntries(entries.map(([key, value]) => [textOf(toValue(key)), toValue(value)]))
}
