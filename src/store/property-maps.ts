/**
 * Properties as ClickHouse maps. A name goes into the map of its value's type, so that SQL needs no cast and a number
 * stays exact. Null properties are left out; of a property sent twice the last one is written, as `Properties.get`
 * reads it.
 */
import type { Properties, Value } from '../events/event.ts'
import type { RowBuffer } from './row-binary.ts'

/** Writes the four maps `numbers`, `strings`, `booleans` and `nested` (lists and maps as JSON), in that order. */
export function writeTypedMaps(row: RowBuffer, properties: Properties): void {
  writeMap(row, properties, 'number')
  writeMap(row, properties, 'string')
  writeMap(row, properties, 'boolean')
  writeMap(row, properties, 'object')
}

/** Writes one Map(String, String); what is no string, as JSON. */
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

/** As `writeTextMap`, of traits as a profile keeps them. */
export function writeTraits(row: RowBuffer, traits: ReadonlyMap<string, Value>): void {
  let count = 0
  for (const value of traits.values()) if (value !== null) count++
  row.varint(count)
  for (const [name, value] of traits) if (value !== null) writeText(row, name, value)
}

function writeText(row: RowBuffer, name: string, value: Value): void {
  row.string(name)
  row.string(typeof value === 'string' ? value : JSON.stringify(value))
}

function writeMap(row: RowBuffer, properties: Properties, type: 'number' | 'string' | 'boolean' | 'object'): void {
  const { names, values } = properties
  let count = 0
  for (let i = 0; i < names.length; i++) {
    if (typeof values[i] === type && values[i] !== null && isLast(names, i)) count++
  }
  row.varint(count)
  for (let i = 0; count > 0; i++) {
    const value = values[i]!
    if (typeof value !== type || value === null || !isLast(names, i)) continue
    row.string(names[i]!)
    if (typeof value === 'number') row.f64(value)
    else if (typeof value === 'string') row.string(value)
    else if (typeof value === 'boolean') row.bool(value)
    else row.string(JSON.stringify(value))
    count--
  }
}

let checkedNames: readonly string[] = []
let areDistinct = true

/**
 * Whether no later property has the name of the i-th. The events of one record schema share their names array, so the
 * answer for the array seen last is kept.
 */
function isLast(names: readonly string[], i: number): boolean {
  if (names !== checkedNames) {
    checkedNames = names
    areDistinct = new Set(names).size === names.length
  }
  return areDistinct || names.lastIndexOf(names[i]!) === i
}
