import { z } from 'zod'

type Schema = z.core.$ZodType

/** The keys that a schema knows in the map at a path; none if it takes any key. */
export function knownKeys(schema: Schema, path: readonly PropertyKey[]): string[] {
  const keys = shapesAt(schema, path).flatMap(({ _zod: { def } }) =>
    'shape' in def ? Object.keys(def['shape'] as object) : [],
  )
  return [...new Set(keys)]
}

/** What the value at a path may be. */
function shapesAt(schema: Schema, path: readonly PropertyKey[]): Schema[] {
  let at = shapesOf(schema)
  for (const key of path) at = at.flatMap((one) => inside(one, key)).flatMap(shapesOf)
  return at
}

/** The keys of the map at a path, or one of them, as an example of how to write it: those that it can't be without. */
export function exampleMap(schema: Schema, path: readonly PropertyKey[]): string {
  const shape = shapesAt(schema, path).find((one) => 'shape' in one._zod.def)?._zod.def as
    | { readonly shape: Readonly<Record<string, Schema>> }
    | undefined
  if (shape === undefined) return 'a map'
  const keys = Object.keys(shape.shape)
  if (keys.length === 0) return '{}'
  const needed = keys.filter((key) => !z.safeParse(shape.shape[key]!, undefined).success)
  return `{ ${(needed.length > 0 ? needed : keys.slice(0, 1)).map((key) => `${key}: …`).join(', ')} }`
}

/** The maps within the one at a path that know a key: where it belongs. */
export function mapsThatKnow(schema: Schema, path: readonly PropertyKey[], key: string): string[] {
  return knownKeys(schema, path).filter((inner) => knownKeys(schema, [...path, inner]).includes(key))
}

/** The schema inside a wrapper; for a union, all its alternatives. */
function shapesOf(schema: Schema): Schema[] {
  const def = schema._zod.def as z.core.$ZodTypeDef & Record<string, unknown>
  if (def['options'] !== undefined) return (def['options'] as Schema[]).flatMap(shapesOf)
  const wrapped = (def['innerType'] ?? def['in']) as Schema | undefined
  return wrapped === undefined ? [schema] : shapesOf(wrapped)
}

function inside(schema: Schema, key: PropertyKey): Schema[] {
  const def = schema._zod.def as z.core.$ZodTypeDef & Record<string, unknown>
  const shape = def['shape'] as Readonly<Record<PropertyKey, Schema>> | undefined
  const within =
    shape === undefined ? (def['element'] ?? def['valueType']) : Object.hasOwn(shape, key) ? shape[key] : undefined
  return within === undefined ? [] : [within as Schema]
}
