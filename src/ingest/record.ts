/** Events from records that are values already: JSON, and Avro records whose mapping has functions of the whole record. */

import { Event, type Properties, type Value } from '../events/event.ts'
import { parseJsonObject } from './json.ts'
import type { Fit } from './json-fit.ts'
import { assign, collects, type PathNode, type Plan, placesWithin } from './plan.ts'
import type { PropertyCollector } from './property-shape.ts'
import { rejected, thrownAt } from './rejected.ts'
import { isNothing } from './stand-in.ts'

const notEntries = rejected('range', 'what should hold properties is not an object')
const notRecord = rejected('range', 'a value has no fields where the mapping expects some')
const unfit = rejected('range', 'a value has another type than the schema says')

/** Throws shared rejections. `fits`: the checks of properties, by name. */
export function eventFromRecord(plan: Plan, record: Properties, fits?: ReadonlyMap<string, Fit>): Event {
  const event = new Event()
  plan.begin(event)
  const walk = new Walk(plan, event)
  for (let i = 0; i < record.names.length; i++) walk.field(plan.root, '', record.names[i]!, record.values[i]!)
  plan.finish(event, record)
  if (fits !== undefined) checkFits(event.properties, fits)
  return event
}

class Walk {
  readonly #plan: Plan
  readonly #event: Event

  constructor(plan: Plan, event: Event) {
    this.#plan = plan
    this.#event = event
  }

  /** A null counts as absent, as with Avro's optional fields; among collected entries, and in a statement of traits, it is kept. */
  field(within: PathNode, prefix: string, name: string, value: Value): void {
    if (value === null && !this.#plan.keepsNulls) return
    const node = within.children.get(name)
    if (node === undefined) {
      if (this.#plan.keeps(prefix + name)) this.#plan.properties.add(prefix + name, value)
      return
    }
    if (value === null) return
    for (const target of node.targets) {
      try {
        if (collects(target)) collectEntries(this.#plan[target.kind], value)
        else assign(target, this.#event, value)
      } catch (fault) {
        throw thrownAt(fault, target.place)
      }
    }
    if (node.children.size === 0) return
    if (!isObject(value)) {
      if (isNothing(value)) return
      throw notRecord.at(placesWithin(node))
    }
    for (const key of Object.keys(value)) this.field(node, `${prefix}${name}.`, key, value[key]!)
  }
}

/** Adds the entries of an object, or of a JSON object in a text. */
export function collectEntries(collector: PropertyCollector, value: Value): void {
  if (isNothing(value)) return
  if (typeof value === 'string') {
    const { names, values } = parseJsonObject(value)
    for (let i = 0; i < names.length; i++) collector.add(names[i]!, values[i]!)
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) collector.add(name, value[name]!)
  } else {
    throw notEntries
  }
}

function checkFits(properties: Properties, fits: ReadonlyMap<string, Fit>): void {
  for (let i = 0; i < properties.names.length; i++) {
    const value = properties.values[i]!
    const name = properties.names[i]!
    const fit = value === null ? undefined : fits.get(name)
    // The name may be quoted: the schema has it too.
    if (fit !== undefined && !fit(value)) throw unfit.at({ text: `properties, from ${name}`, fields: ['properties'] })
  }
}

function isObject(value: Value): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
