import type { DynCell } from './aggregate.ts'
import { tags } from './value.ts'

/** A tuple of a query's result as a value; null for none. */
export function readScalar([tag, number, text]: DynCell): boolean | number | string | null {
  switch (tag) {
    case tags.bool:
      return number === 1
    case tags.number:
      return number
    case tags.string:
      return text
    default:
      return null
  }
}
