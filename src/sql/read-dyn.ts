import type { Value } from '../events/event.ts'
import type { DynCell } from './aggregate.ts'
import { tags } from './value.ts'

/** A dyn tuple from a query's result as a value; null for none and for an error. */
export function readDyn([tag, number, text]: DynCell): Value {
  switch (tag) {
    case tags.bool:
      return number === 1
    case tags.number:
      return number
    case tags.string:
      return text
    case tags.list:
    case tags.map:
      return JSON.parse(text) as Value
    default:
      return null
  }
}
