/**
 * A compiled mapping: a tree of the paths to read with what each one fills, and the steps before and after the walk over
 * a record. The Avro reader compiles against the tree; JSON and whole records are walked with it. One record at a time.
 */

import type { Event, Properties, Value } from '../events/event.ts'
import { cleanText } from '../events/text.ts'
import { checkedId } from './checked-id.ts'
import { isNoTime, type Slot, slot, type TextSlot, textSlots, timeSlots, valueSlot } from './event-slots.ts'
import { isPlausible, parseTime, type TimeUnit, toMs } from './event-time.ts'
import { KnownTexts } from './known-texts.ts'
import {
  type ActionField,
  type FieldMapping,
  type MappedField,
  nameOf,
  propertyFallbacks,
  type Source,
  type TextField,
  type TimeField,
  type TimeSource,
} from './mapping.ts'
import { PropertyCollector, placeOf } from './property-shape.ts'
import { RecordHead, recordKey, recordTime } from './record-head.ts'
import { type Place, type Rejected, rejected, thrownAt } from './rejected.ts'
import { isNothing, isStandIn } from './stand-in.ts'

const { value: amounts, currency: currencies } = propertyFallbacks

const wrongType = rejected('range', 'a value has another type than its field')
const imprecise = rejected('precision', 'an id is a number beyond 2^53')
const notFinite = rejected('not_finite', 'a number is not finite')

/** What one path fills. */
export type Target =
  | {
      readonly kind: 'text'
      readonly place: Place
      readonly id: boolean
      readonly repeats: boolean
      readonly set: (event: Event, text: string) => void
    }
  | { readonly kind: 'number'; readonly place: Place; readonly set: (event: Event, number: number) => void }
  | {
      readonly kind: 'time'
      readonly place: Place
      readonly unit: TimeUnit
      readonly set: (event: Event, ms: number) => void
    }
  | Collecting

/** Targets that collect entries. `callTraits` are the traits in Segment's calls; in a `group` call they are the group's. */
export interface Collecting {
  readonly kind: 'properties' | 'traits' | 'callTraits'
  readonly place: Place
}

export const collects = (target: Target): target is Collecting =>
  target.kind === 'properties' || target.kind === 'traits' || target.kind === 'callTraits'

export interface PathNode {
  readonly targets: Target[]
  readonly children: Map<string, PathNode>
}

export class Plan {
  readonly root: PathNode = { targets: [], children: new Map() }
  /** By path. */
  readonly #nodes = new Map<string, PathNode>()
  readonly properties = new PropertyCollector([...amounts, ...currencies])
  readonly traits = new PropertyCollector()
  readonly callTraits = new PropertyCollector()
  readonly known = new KnownTexts()
  /** Whether some source is a function of the whole record: then all of it has to be read. */
  readonly needsRecord: boolean
  /** Whether what nothing names is a trait. */
  readonly #allAreTraits: boolean
  /** Whether a null says something: it removes a trait. */
  readonly keepsNulls: boolean
  readonly #keep: ReadonlySet<string> | undefined
  readonly #types: ReadonlyMap<string, string> | undefined
  readonly #collected: readonly string[]
  readonly #begin: ((event: Event) => void)[] = []
  readonly #evaluate: ((event: Event, record: Properties) => void)[] = []
  readonly #fallbacks: ((event: Event) => void)[] = []
  /** Values of a field's later paths, kept until it is known whether its first path gave one. */
  readonly #waiting: { value: unknown; readonly empty: unknown }[] = []
  /** What fills each field of the mapping. */
  readonly #bound = new Map<MappedField, readonly Target[] | 'given'>()
  readonly #needed: readonly { readonly fields: readonly MappedField[]; readonly by: readonly Target[] | 'given' }[]
  readonly #mapping: FieldMapping
  readonly #isOfFile: boolean
  #head: RecordHead | undefined
  /** The event's time by the client's clock. */
  #originalMs = 0
  readonly #originalTime = slot<number>(
    isNoTime,
    () => this.#originalMs,
    (_, ms) => {
      this.#originalMs = ms
    },
  )

  /** What an outcome says of its action; undefined where the mapping does not look for it. */
  readonly #action: Record<ActionField, string> | undefined

  /**
   * Throws a rejection if a constant does not fit its field.
   * @param isOfFile whether values come as rows of a file, which have no key and no timestamp
   */
  constructor(mapping: FieldMapping, isOfFile = false) {
    this.#mapping = mapping
    this.keepsNulls = mapping.ofTraits ?? false
    this.#allAreTraits = this.keepsNulls && mapping.traits === undefined
    this.#isOfFile = isOfFile
    this.#keep = mapping.keep && new Set(mapping.keep)
    this.#types = mapping.types && new Map(Object.entries(mapping.types))
    this.#collected = mapping.properties ?? []
    for (const field of ['properties', 'traits'] as const) {
      const targets = (mapping[field] ?? []).map((path): Target => {
        const kind = field === 'traits' && path === 'traits' ? 'callTraits' : field
        return { kind, place: this.#placeAt(field, path) }
      })
      for (const [i, path] of (mapping[field] ?? []).entries()) this.#node(path).targets.push(targets[i]!)
      this.#bound.set(field, targets)
    }

    const bound = this.#bound
    const { actionId, action } = mapping
    if (actionId !== undefined || action !== undefined) this.#action = { ...noAction }
    for (const [name, field] of [...(Object.entries(textSlots) as [TextField, TextSlot][]), ...this.#actionSlots()]) {
      const { id, repeats } = field
      const target = (path: string, set: (event: Event, text: string) => void): Target => {
        return { kind: 'text', place: this.#placeAt(name, path), id, repeats, set }
      }
      bound.set(
        name,
        this.#bind(name, field, '', mapping[name], target, (value) => asText(value, id)),
      )
    }
    const number = (path: string, set: (event: Event, value: number) => void): Target => {
      return { kind: 'number', place: this.#placeAt('value', path), set }
    }
    bound.set('value', this.#bind('value', valueSlot, Number.NaN, mapping.value, number, asNumber))
    for (const [name, field] of Object.entries({ ...timeSlots, originalTime: this.#originalTime }) as [
      TimeField,
      Slot<number>,
    ][]) {
      const { from, unit } = timeSource(mapping[name])
      const target = (path: string, set: (event: Event, ms: number) => void): Target => {
        return { kind: 'time', place: this.#placeAt(name, path), unit: path === recordTime ? 'ms' : unit, set }
      }
      bound.set(
        name,
        this.#bind(name, field, 0, from, target, (value) => asTime(value, unit)),
      )
    }
    this.needsRecord = this.#evaluate.length > 0

    const anyOf = (...fields: MappedField[]) => {
      const given = fields.map((field) => bound.get(field)!)
      return { fields, by: given.includes('given') ? 'given' : (given.flat() as Target[]) } as const
    }
    this.#needed = [anyOf('customer', 'anonymousId'), anyOf('type'), anyOf('time', 'originalTime')]
  }

  /** Fill it before each record; undefined if the mapping reads nothing of it. */
  get head(): RecordHead | undefined {
    return this.#head
  }

  /**
   * An event needs a customer, a type and a time. The first of them that a schema with only these targets does not give,
   * with the place where it should be.
   */
  missing(found: ReadonlySet<Target>): Place | undefined {
    const lacking = this.#needed.find(({ by }) => by !== 'given' && !by.some((target) => found.has(target)))
    return lacking && this.#placeOf(lacking.fields)
  }

  /** Mapped fields that a schema with only these targets gives nothing for. */
  unreached(found: ReadonlySet<Target>): MappedField[] {
    return [...this.#bound].flatMap(([field, by]) => {
      return by === 'given' || by.length === 0 || by.some((target) => found.has(target)) ? [] : [field]
    })
  }

  /** A rejection of an event's fields, with where they were mapped from. */
  placed(fault: Rejected): Rejected {
    return fault.at(this.#placeOf(fault.fields))
  }

  #placeOf(fields: readonly MappedField[]): Place {
    const texts = fields.flatMap((field) => {
      const from = sourceText(this.#mapping[field])
      return from === undefined ? [] : [this.#placeAt(field, from).text]
    })
    return { text: texts.join('; '), fields }
  }

  #placeAt(field: MappedField, path: string | undefined): Place {
    return { text: `${nameOf(field, this.#mapping)}, from ${path}`, fields: [field] }
  }

  /** Whether an unnamed field becomes a property. */
  keeps(path: string): boolean {
    return this.#keep === undefined || this.#keep.has(path)
  }

  begin(event: Event): void {
    this.properties.clear()
    this.traits.clear()
    this.callTraits.clear()
    this.#originalMs = 0
    if (this.#action !== undefined) Object.assign(this.#action, noAction)
    for (let i = 0; i < this.#waiting.length; i++) this.#waiting[i]!.value = this.#waiting[i]!.empty
    for (let i = 0; i < this.#begin.length; i++) this.#begin[i]!(event)
  }

  /** `record` is read only where `needsRecord`. */
  finish(event: Event, record: Properties): void {
    const { places } = this.properties
    event.properties = this.properties.take()
    for (let i = 0; i < this.#evaluate.length; i++) this.#evaluate[i]!(event, record)
    for (let i = 0; i < this.#fallbacks.length; i++) this.#fallbacks[i]!(event)
    fallBack(event, places)
    settleTime(event, this.#originalMs)
    if (isStandIn(event.customer)) event.customer = isStandIn(event.anonymousId) ? '' : event.anonymousId
    if (isStandIn(event.id)) event.id = ''
    if (this.#types !== undefined) event.type = this.#types.get(event.type) ?? event.type
    this.#takeTraits(event)
    if (this.#allAreTraits) event.traits = event.properties
    if (this.#action !== undefined) noteAction(event, this.#action)
  }

  #actionSlots(): [ActionField, TextSlot][] {
    const found = this.#action
    if (found === undefined) return []
    return (['actionId', 'action'] as const).map((field) => {
      const set = (_: Event, value: string) => {
        found[field] = value
      }
      return [field, { ...slot<string>(isStandIn, () => found[field], set), id: true, repeats: false }]
    })
  }

  /** What a call itself states wins over what its context repeats. The traits of a group become a property of the event. */
  #takeTraits(event: Event): void {
    const { traits, callTraits } = this
    if (callTraits.isEmpty) {
      event.traits = traits.take()
      return
    }
    const stated = callTraits.take()
    const isGroup = event.type === 'group'
    if (isGroup && this.keeps('traits')) event.properties = event.properties.with('traits', stated.toObject())
    if (!isGroup && traits.isEmpty) event.traits = stated
    else {
      for (let i = 0; i < stated.names.length && !isGroup; i++) traits.add(stated.names[i]!, stated.values[i]!)
      event.traits = traits.take()
    }
  }

  /** The targets on the record's paths, or `given` if the field can be filled whatever the record's schema is. */
  #bind<T extends string | number>(
    name: MappedField,
    field: Slot<T>,
    empty: T,
    source: Source | undefined,
    target: (path: string, set: Slot<T>['set']) => Target,
    read: (value: Value) => T,
  ): readonly Target[] | 'given' {
    if (source === undefined) return []
    const convert = (value: Value, place: Place): T => {
      try {
        return read(value)
      } catch (fault) {
        throw thrownAt(fault, place)
      }
    }
    if (typeof source === 'object' && 'constant' in source) {
      const constant = convert(source.constant, this.#placeAt(name, sourceText(source)))
      this.#begin.push((event) => field.set(event, constant))
      return 'given'
    }
    if (typeof source === 'object' && 'evaluate' in source) {
      const place = this.#placeAt(name, sourceText(source))
      this.#evaluate.push((event, record) => field.set(event, convert(source.evaluate(record) ?? null, place)))
      return 'given'
    }
    const targets: Target[] = []
    const others: ((event: Event) => T)[] = []
    const paths = typeof source === 'string' ? [source] : source
    for (const [index, path] of paths.entries()) {
      const place = this.#placeAt(name, path)
      if (!this.#isOfFile && (path === recordKey || path === recordTime)) {
        this.#head ??= new RecordHead()
        const head = this.#head
        others.push(path === recordKey ? () => read(head.keyText(place)) : () => head.timestampMs as T)
        continue
      }
      const property = this.#collectedName(path)
      if (property !== undefined) {
        const convertHere = (value: Value) => convert(value, place)
        others.push((event) => collected(event, property, empty, convertHere))
        continue
      }
      const waiting = { value: empty, empty }
      const set: Slot<T>['set'] = (_, value) => {
        waiting.value = value
      }
      if (index > 0) {
        this.#waiting.push(waiting)
        others.push(() => waiting.value)
      }
      const bound = target(path, index === 0 ? field.set : set)
      targets.push(bound)
      this.#node(path).targets.push(bound)
    }
    if (others.length > 0) this.#fallbacks.push((event) => fill(event, field, others))
    return targets.length < paths.length ? 'given' : targets
  }

  #collectedName(path: string): string | undefined {
    const within = this.#collected.find((collected) => path.startsWith(`${collected}.`))
    return within === undefined ? undefined : path.slice(within.length + 1)
  }

  /**
   * The node of a path. It can be reached through nested records or by names with dots in them, as a CSV file's columns
   * have: `a.b.c` may also be `c` in `a.b`, `b.c` in `a`, or a field called `a.b.c`. Ways that have read the same prefix
   * share one node.
   */
  #node(path: string): PathNode {
    const names = path.split('.')
    const reached = names.map((_, i) => this.#nodeAt(names.slice(0, i + 1).join('.')))
    for (let to = 0; to < names.length; to++) {
      for (let from = -1; from < to; from++) {
        const within = from < 0 ? this.root : reached[from]!
        within.children.set(names.slice(from + 1, to + 1).join('.'), reached[to]!)
      }
    }
    return reached.at(-1)!
  }

  #nodeAt(path: string): PathNode {
    let node = this.#nodes.get(path)
    if (node === undefined) {
      node = { targets: [], children: new Map() }
      this.#nodes.set(path, node)
    }
    return node
  }
}

const noAction: Readonly<Record<ActionField, string>> = { actionId: '', action: '' }

function noteAction(event: Event, { actionId, action }: Readonly<Record<ActionField, string>>): void {
  if (!isStandIn(actionId)) event.properties = event.properties.with('action_id', actionId)
  if (!isStandIn(action)) event.properties = event.properties.with('action', action)
}

/** The places of everything that is read at a path. */
export const placesOf = ({ targets }: PathNode): Place => joined(targets.map(({ place }) => place))

/** The places of everything that is read below a path. */
export const placesWithin = (node: PathNode): Place => joined(below(node))

const below = ({ children }: PathNode): Place[] =>
  [...children.values()].flatMap((child) => [...child.targets.map(({ place }) => place), ...below(child)])

function joined(places: readonly Place[]): Place {
  return {
    text: [...new Set(places.map(({ text }) => text))].join('; '),
    fields: [...new Set(places.flatMap(({ fields }) => fields))],
  }
}

/** Where a field comes from, in words; undefined if it is not mapped. */
function sourceText(source: TimeSource | undefined): string | undefined {
  if (source === undefined || typeof source === 'string') return source
  if ('from' in source) return sourceText(source.from)
  if ('constant' in source) return 'a constant'
  return 'evaluate' in source ? 'an expression' : source.join(' or ')
}

/** @param places where `amounts`, then `currencies`, are among the event's properties */
function fallBack(event: Event, places: Int32Array): void {
  const { values } = event.properties
  for (let i = 0; i < amounts.length && Number.isNaN(event.value); i++) {
    const value = places[i]! < 0 ? undefined : values[places[i]!]
    if (typeof value === 'number') event.value = value
  }
  for (let i = amounts.length; i < places.length && event.currency === ''; i++) {
    const value = places[i]! < 0 ? undefined : values[places[i]!]
    if (typeof value === 'string') event.currency = value
  }
}

/** The first value that is not empty, in the order of the mapping. */
function fill<T>(event: Event, field: Slot<T>, others: readonly ((event: Event) => T)[]): void {
  if (!field.isEmpty(field.get(event))) return
  for (let i = 0; i < others.length; i++) {
    const value = others[i]!(event)
    if (field.isEmpty(value)) continue
    field.set(event, value)
    return
  }
}

/** A collected property, if it has the field's type; a time may also be a text. */
function collected<T>(event: Event, name: string, empty: T, convert: (value: Value) => T): T {
  const { names, values } = event.properties
  const at = placeOf(name, names)
  const value = at < 0 ? null : values[at]!
  return typeof value === typeof empty || (empty === 0 && typeof value === 'string') ? convert(value) : empty
}

function timeSource(source: TimeSource | undefined): { from: Source | undefined; unit: TimeUnit } {
  if (typeof source === 'object' && 'from' in source) return source
  return { from: source, unit: 'ms' }
}

/**
 * Settles the event time. Later, ingest removes the client's clock error from it if both `sentAt` and `receivedAt` are left
 * here. The original time is the client's own; a time beside it was corrected by the collector already, and must not be
 * corrected twice: it is used only if the original can't be read or can't be corrected. If no original was sent, the time
 * is taken as the client's own. A time that can't be right counts as not sent.
 * @param originalMs 0 where none was sent, NaN where it can't be read
 */
function settleTime(event: Event, originalMs: number): void {
  if (!isPlausible(event.timeMs)) event.timeMs = 0
  if (!isPlausible(event.sentAtMs)) event.sentAtMs = 0
  if (!isPlausible(event.receivedAtMs)) event.receivedAtMs = 0
  if (originalMs === 0) return
  const canCorrect = event.sentAtMs > 0 && event.receivedAtMs > 0
  if (isPlausible(originalMs) && (canCorrect || event.timeMs === 0)) event.timeMs = originalMs
  else event.sentAtMs = 0
}

function asText(value: Value, id: boolean): string {
  if (typeof value === 'string') return id ? checkedId(value) : cleanText(value)
  if (isNothing(value)) return ''
  if (typeof value !== 'number') throw wrongType
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw imprecise
  return String(value)
}

function asNumber(value: Value): number {
  if (isNothing(value)) return Number.NaN
  if (typeof value !== 'number') throw wrongType
  if (!Number.isFinite(value)) throw notFinite
  return value
}

/** 0 if there is none, NaN if it can't be read: see `settleTime`. */
function asTime(value: Value, unit: TimeUnit): number {
  if (typeof value === 'number') return toMs(value, unit)
  if (isNothing(value)) return 0
  return typeof value === 'string' ? parseTime(value, unit) : Number.NaN
}

/** Fills a target, other than one that collects entries. */
export function assign(target: Exclude<Target, Collecting>, event: Event, value: Value): void {
  if (target.kind === 'text') target.set(event, asText(value, target.id))
  else if (target.kind === 'number') target.set(event, asNumber(value))
  else target.set(event, asTime(value, target.unit))
}
