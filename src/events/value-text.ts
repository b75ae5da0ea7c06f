import type { Value } from './event.ts'

/**
 * A value as text: a text as it is, all else by its JSON. Not by `String`, which throws at an object without prototype, as a
 * producer's are, also within a list.
 */
export const textOf = (value: Value): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))
