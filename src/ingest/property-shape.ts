/**
 * Collects named values, and gives every event with the same names in the same order the same `names` array: shapes
 * form a tree, as an engine's hidden classes do. So a record with forty optional fields costs no names per event, and
 * a reader that remembers the array it saw last finds its name by one comparison.
 */

import { Properties, type Value } from '../events/event.ts'

/** Shapes kept at once. Producers choose map keys freely; when they use this up, the tree starts over. */
const maxShapes = 4096
/** A longer list of names is not shared: nobody sends it twice. */
const maxSharedNames = 256

class ShapeTree {
  readonly root = new Shape(this, null, '', 0)
  /** Names whose places each shape knows. */
  readonly sought: readonly string[]
  count = 0

  constructor(sought: readonly string[]) {
    this.sought = sought
  }

  makeRoom(): void {
    this.root.forget()
    this.count = 0
  }
}

class Shape {
  readonly name: string
  readonly #tree: ShapeTree
  readonly #parent: Shape | null
  readonly #size: number
  readonly #next = new Map<string, Shape>()
  #names: readonly string[] | undefined
  #places: Int32Array | undefined
  /** The transition taken last, most often also the next one. */
  likely: Shape | undefined

  constructor(tree: ShapeTree, parent: Shape | null, name: string, size: number) {
    this.#tree = tree
    this.#parent = parent
    this.name = name
    this.#size = size
  }

  with(name: string): Shape {
    let next = this.likely
    if (next !== undefined && next.name === name) return next
    next = this.#next.get(name)
    if (next === undefined) {
      next = new Shape(this.#tree, this, name, this.#size + 1)
      if (this.#size >= maxSharedNames) return next
      if (++this.#tree.count > maxShapes) this.#tree.makeRoom()
      this.#next.set(name, next)
    }
    this.likely = next
    return next
  }

  forget(): void {
    this.#next.clear()
    this.likely = undefined
  }

  /** Where the tree's sought names are. */
  places(): Int32Array {
    this.#places ??= Int32Array.from(this.#tree.sought, (name) => placeOf(name, this.names()))
    return this.#places
  }

  names(): readonly string[] {
    if (this.#names === undefined) {
      const names = new Array<string>(this.#size)
      for (let at: Shape = this; at.#parent !== null; at = at.#parent) names[at.#size - 1] = at.name
      this.#names = Object.freeze(names)
    }
    return this.#names
  }
}

/** Where the name is (the last place if it is there twice), or -1. Faster than the built-in on frozen arrays. */
export function placeOf(name: string, names: readonly string[]): number {
  let at = names.length - 1
  while (at >= 0 && names[at] !== name) at--
  return at
}

/** Collects the properties of one event after the other: `clear`, `add`…, `take`. */
export class PropertyCollector {
  readonly #root: Shape
  /** Reused; an event gets a copy of just the right size. */
  readonly #values: Value[] = []
  #shape: Shape
  #count = 0

  /** @param sought names whose places every event asks for */
  constructor(sought: readonly string[] = []) {
    this.#root = new ShapeTree(sought).root
    this.#shape = this.#root
  }

  /** Where each sought name is among what was added, or -1. Searched once per shape. */
  get places(): Int32Array {
    return this.#shape.places()
  }

  clear(): void {
    this.#shape = this.#root
    this.#count = 0
  }

  add(name: string, value: Value): void {
    this.#shape = this.#shape.with(name)
    this.#values[this.#count++] = value
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  take(): Properties {
    if (this.#count === 0) return Properties.empty
    // Costs half of what `slice` does.
    const values = new Array<Value>(this.#count)
    for (let i = 0; i < values.length; i++) values[i] = this.#values[i]!
    const properties = new Properties(this.#shape.names(), values)
    this.clear()
    return properties
  }
}
