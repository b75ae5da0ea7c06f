import type { Value } from '../events/event.ts'

/**
 * A map that is not made before somebody wants all of it, since an expression mostly asks for one member. It is asked while
 * the expression is evaluated, and stands for what it was made of at that time only.
 */
export abstract class LazyMap {
  /** The member of that name; undefined where there is none. */
  abstract get(name: string): Value | undefined
  /** In the order of `Object.keys`. */
  abstract keys(): readonly string[]
  abstract toObject(): { readonly [name: string]: Value }
}
