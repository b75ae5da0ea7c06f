import type { Value } from './event.ts'

/**
 * A value as text: a text as it is, objects and lists as JSON. `String` would throw on an object without a prototype, which
 * producers' objects are, even within a list.
 */
export const textOf = (value: Value): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))
