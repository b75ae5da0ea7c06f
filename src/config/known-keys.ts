import type { z } from 'zod'

type Schema = z.core.$ZodType

/** The keys that a schema knows in the map at a path; none if it takes any key. */
export function knownKeys(schema: Schema, path: readonly PropertyKey[]): string[] {
  let at = shapesOf(schema)
  for (const key of path) at = at.flatMap((one) => inside(one, key)).flatMap(shapesOf)
  return [
    ...new Set(at.flatMap((one) => ('shape' in one._zod.def ? Object.keys(one._zod.def['shape'] as object) : []))),
  ]
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
