import type { ConsentChange } from '../consent/consent.ts'
import { type Event, Properties, type Value } from '../events/event.ts'
import type { FieldMapping, Source, TimeSource } from './mapping.ts'
import { type Rejected, rejected } from './rejected.ts'

/** A record of a topic of consent: a customer gives it or withdraws it. */
export class ConsentStatement implements ConsentChange {
  readonly customer: string
  readonly purpose: string
  readonly channel: string
  readonly given: boolean
  readonly timeMs: number

  constructor(customer: string, purpose: string, channel: string, given: boolean, timeMs: number) {
    this.customer = customer
    this.purpose = purpose
    this.channel = channel
    this.given = given
    this.timeMs = timeMs
  }
}

/** Where the parts of a statement come from. */
export interface ConsentSources {
  readonly customer: Source
  readonly purpose: Source
  /** If left out, each statement is about all channels. */
  readonly channel?: Source
  readonly given: Source
  readonly time: TimeSource
}

/**
 * Until `toConsent`, a statement travels in an event: the purpose as its type; as its value 1 for given, 0 for withdrawn.
 */
export const consentMapping = ({ purpose, given, ...sources }: ConsentSources): FieldMapping => ({
  ...sources,
  type: purpose,
  value: { evaluate: (record) => truthOf(readSource(record, given)) },
  keep: [],
  called: { type: 'purpose', value: 'given' },
})

/** For `schemas/consent.avsc`. */
export const ownConsent = consentMapping({
  customer: 'customer',
  purpose: 'purpose',
  channel: 'channel',
  given: 'given',
  time: 'time',
})

/** Whether the event that it travels in withdraws consent. */
export const isOptOut = ({ value }: Event): boolean => value === 0

const notGiven = rejected('range', 'a statement of consent that neither gives nor withdraws it')
const longName = rejected('limit', 'a purpose or channel is longer than 64 characters')
const maxName = 64

/** @returns why it is no statement, if it is none */
export function toConsent({ customer, type, channel, value, timeMs }: Event): ConsentStatement | Rejected {
  if (value !== 1 && value !== 0) return notGiven
  if (type.length > maxName || channel.length > maxName) return longName
  return new ConsentStatement(customer, type, channel, value === 1, timeMs)
}

const words: ReadonlyMap<Value, number> = new Map<Value, number>([
  [true, 1],
  [false, 0],
  [1, 1],
  [0, 0],
  ['true', 1],
  ['false', 0],
  ['given', 1],
  ['withdrawn', 0],
  ['granted', 1],
  ['denied', 0],
])

/** 1 or 0; undefined for anything else: a mapping's expression can say it of other words. */
const truthOf = (value: Value): number | undefined =>
  words.get(typeof value === 'string' ? value.trim().toLowerCase() : value)

function readSource(record: Properties, source: Source): Value {
  if (typeof source === 'string') return valueAt(record, source)
  if ('constant' in source) return source.constant
  if ('evaluate' in source) return source.evaluate(record) ?? null
  for (const path of source) {
    const value = valueAt(record, path)
    if (value !== null) return value
  }
  return null
}

/** A name may have dots in it, as the columns of a CSV file have. */
function valueAt(record: Properties, path: string): Value {
  let value = record.get(path)
  for (let dot = path.indexOf('.'); value === undefined && dot > 0; dot = path.indexOf('.', dot + 1)) {
    const within = record.get(path.slice(0, dot))
    if (typeof within !== 'object' || within === null || Array.isArray(within)) continue
    value = valueAt(new Properties(Object.keys(within), Object.values(within)), path.slice(dot + 1))
  }
  return value ?? null
}
