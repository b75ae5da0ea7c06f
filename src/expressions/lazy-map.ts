import type { Value } from '../events/event.ts'

/**
 * A map that is only built if somebody wants all of it; most expressions ask for one member. It is valid only while the
 * expression is being evaluated: after that, what it reads from may have changed.
 */
export abstract class LazyMap {
  /** The member of that name, or undefined. */
  abstract get(name: string): Value | undefined
  /** In the order of `Object.keys`. */
  abstract keys(): readonly string[]
  abstract toObject(): { readonly [name: string]: Value }
}
