import { Properties, type Value } from '../events/event.ts'
import { textOf } from '../events/value-text.ts'
import { LazyMap } from './lazy-map.ts'

/**
 * An expression's result as a value that JSON has. A map written in the expression, an event's properties and a customer's
 * traits become objects; CEL's error becomes null. A key that is not a text is turned into one, a list or map into its JSON.
 * If two keys become the same text, the later one counts.
 */
export function toValue(result: unknown): Value {
  if (typeof result !== 'object' || result === null) return (result ?? null) as Value
  if (Array.isArray(result)) return result.map(toValue)
  if (result instanceof LazyMap) return result.toObject()
  const isMap = result instanceof Map
  // Any other object came with an event or from a feature, and holds neither maps nor `Properties`.
  if (!isMap && !(result instanceof Properties)) return result as Value
  const entries = isMap ? [...result] : result.names.map((name, i) => [name, result.values[i]] as const)
  return Object.fromEntries(entries.map(([key, value]) => [textOf(toValue(key)), toValue(value)]))
}
