/**
 * Properties as ClickHouse maps. A name goes into the map of its value's type, so that SQL needs no cast and numbers stay
 * exact. If a property was sent twice, the last one is written, which is also what `Properties.get` reads. SQL can tell apart
 * what an expression can: a property that is null (in `nested`) differs from one that is absent.
 */
import type { Properties, Value } from '../events/event.ts'
import { toJsonText } from '../events/json-text.ts'
import type { RowBuffer } from './row-binary.ts'

/** Writes the four maps `numbers`, `strings`, `booleans` and `nested` (lists, maps and null as JSON), in that order. */
export function writeTypedMaps(row: RowBuffer, { names, values }: Properties): void {
  let numbers = 0
  let strings = 0
  let booleans = 0
  let nested = 0
  for (let i = 0; i < names.length; i++) {
    const value = values[i]!
    if (!isLast(names, i)) continue
    if (typeof value === 'number') numbers++
    else if (typeof value === 'string') strings++
    else if (typeof value === 'boolean') booleans++
    else nested++
  }
  row.varint(numbers)
  for (let i = 0; numbers > 0; i++) {
    const value = values[i]!
    if (typeof value !== 'number' || !isLast(names, i)) continue
    row.string(names[i]!)
    row.f64(value)
    numbers--
  }
  row.varint(strings)
  for (let i = 0; strings > 0; i++) {
    const value = values[i]!
    if (typeof value !== 'string' || !isLast(names, i)) continue
    row.string(names[i]!)
    row.string(value)
    strings--
  }
  row.varint(booleans)
  for (let i = 0; booleans > 0; i++) {
    const value = values[i]!
    if (typeof value !== 'boolean' || !isLast(names, i)) continue
    row.string(names[i]!)
    row.bool(value)
    booleans--
  }
  row.varint(nested)
  for (let i = 0; nested > 0; i++) {
    const value = values[i]!
    if (typeof value !== 'object' || !isLast(names, i)) continue
    row.string(names[i]!)
    row.string(toJsonText(value))
    nested--
  }
}

/** Writes one Map(String, String): other values than strings as JSON, and nulls not at all. */
export function writeTextMap(row: RowBuffer, { names, values }: Properties): void {
  let count = 0
  for (let i = 0; i < names.length; i++) if (values[i] !== null && isLast(names, i)) count++
  row.varint(count)
  for (let i = 0; count > 0; i++) {
    if (values[i] === null || !isLast(names, i)) continue
    writeText(row, names[i]!, values[i]!)
    count--
  }
}

/** The properties that are not strings, nulls included, as one JSON object ('' for none): `writeTextMap` loses their types. */
export function nonTextsOf({ names, values }: Properties): string {
  const entries = names
    .map((name, i) => [name, values[i]!, i] as const)
    .filter(([, value, i]) => typeof value !== 'string' && isLast(names, i))
  return entries.length === 0 ? '' : toJsonText(Object.fromEntries(entries))
}

/** Like `writeTextMap`, for traits as a profile keeps them. */
export function writeTraits(row: RowBuffer, traits: ReadonlyMap<string, Value>): void {
  let count = 0
  for (const value of traits.values()) if (value !== null) count++
  row.varint(count)
  for (const [name, value] of traits) if (value !== null) writeText(row, name, value)
}

function writeText(row: RowBuffer, name: string, value: Value): void {
  row.string(name)
  row.string(typeof value === 'string' ? value : toJsonText(value))
}

let checkedNames: readonly string[] = []
let areDistinct = true

/**
 * Whether no later property has the same name as the i-th. Events of one record schema share their names array, so the answer
 * for the last array is kept.
 */
function isLast(names: readonly string[], i: number): boolean {
  if (names !== checkedNames) {
    checkedNames = names
    areDistinct = new Set(names).size === names.length
  }
  return areDistinct || names.lastIndexOf(names[i]!) === i
}
