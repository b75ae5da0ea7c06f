import { z } from 'zod'
import type { AggregateDeclaration } from '../features/declaration.ts'
import type { Window } from '../features/window.ts'
import { positiveDuration } from './duration.ts'

/**
 * How a feature declares its kind and options: the kind is a key whose value is the CEL expression to aggregate, and each
 * option belongs to some kinds. docs/features.md says what each kind gives.
 */

const cel = z.string().min(1)
const nothing = z.strictObject({})
const positive = z.int().min(1)

const kinds = {
  count: z.union([cel, nothing]),
  sum: cel,
  avg: cel,
  variance: cel,
  stddev: cel,
  min: cel,
  max: cel,
  first: cel,
  last: cel,
  last_n: cel,
  distinct: cel,
  top: cel,
  most_frequent: cel,
  least_frequent: cel,
  quantile: cel,
  rate: z.union([cel, nothing]),
  smoothed_rate: cel,
  decayed_sum: cel,
  time_since: nothing,
  time_since_first: nothing,
  active_days: nothing,
  /** The steps' conditions. */
  funnel: z.array(cel).min(2).max(30),
  sequence: z.array(cel).min(2).max(30),
}

const options = {
  /** How many decimals count in a sum. */
  scale: z.int().min(0).max(9),
  /** CEL: the key in a map of counts or sums. `max_keys`: the most keys that a pane keeps. */
  by: cel,
  max_keys: positive.max(1_000),
  /** How many values `last_n` gives. */
  n: positive.max(100),
  /** How many values `top` gives. */
  k: positive.max(100),
  /** How many different values a pane keeps. */
  max_values: positive.max(100_000),
  /** Which quantile, and its relative error. */
  q: z.number().gt(0, 'between 0 and 1').lt(1, 'between 0 and 1'),
  error: z.number().min(0.001).max(0.2),
  /** The time that a rate is per. */
  per: positiveDuration,
  /** The value that a smoothed rate is pulled to, and how many events that weighs. */
  prior: z.number().min(0).max(1),
  weight: z.number().gt(0),
  half_life: positiveDuration,
  /** How long a funnel or a sequence may take from its first step. */
  within: positiveDuration,
  /** Whether no other event may come between the steps of a sequence. */
  strict: z.boolean(),
}

type KindName = keyof typeof kinds
type OptionName = keyof typeof options

const optionsOf: Readonly<Record<KindName, readonly OptionName[]>> = {
  count: ['by', 'max_keys'],
  sum: ['scale', 'by', 'max_keys'],
  avg: ['scale'],
  variance: ['scale'],
  stddev: ['scale'],
  min: [],
  max: [],
  first: [],
  last: [],
  last_n: ['n'],
  distinct: ['max_values'],
  top: ['k', 'max_values'],
  most_frequent: ['max_values'],
  least_frequent: ['max_values'],
  quantile: ['q', 'error'],
  rate: ['per', 'scale'],
  smoothed_rate: ['prior', 'weight'],
  decayed_sum: ['half_life'],
  time_since: [],
  time_since_first: [],
  active_days: [],
  funnel: ['within'],
  sequence: ['within', 'strict'],
}

/** The keys of a feature that declare its kind and options. */
export const aggregateKeys = z.strictObject({ ...kinds, ...options }).partial().shape

const kindNames = Object.keys(kinds) as KindName[]
const optionNames = Object.keys(options) as OptionName[]

type Declared = {
  readonly [K in keyof typeof aggregateKeys]?: z.output<(typeof aggregateKeys)[K]> | undefined
} & { readonly max_events: number }

/** Reports a fault in one key of the feature, or in the feature as a whole. */
export type OnFault = (message: string, key?: string) => void

/** The kind of a feature over events; undefined if it is computed from other features (`value`), or there was a fault. */
export function aggregateOf(
  declared: Declared & { readonly value?: string | undefined },
  onFault: OnFault,
): AggregateDeclaration | undefined {
  const found = [...kindNames, 'value' as const].filter((kind) => declared[kind] !== undefined)
  const [name] = found
  if (name === undefined || found.length > 1) {
    onFault(`a feature has one of ${kindNames.join(', ')}, value; found ${found.join(' and ') || 'none'}`)
    return undefined
  }
  for (const option of optionNames) {
    if (declared[option] === undefined || (name !== 'value' && optionsOf[name].includes(option))) continue
    const owners = kindNames.filter((kind) => optionsOf[kind].includes(option))
    onFault(`${name} takes no ${option}, which belongs to ${owners.join(', ')}`, option)
  }
  return name === 'value' ? undefined : complete(name, declared, onFault)
}

function complete(name: KindName, declared: Declared, onFault: OnFault): AggregateDeclaration {
  const of = declared[name] as string
  const own = typeof of === 'string' ? { of } : {}
  const { scale = 4, max_values: max = 1_000, max_keys: maxKeys = 50 } = declared
  const by = declared.by === undefined ? {} : { by: { key: declared.by, max: maxKeys } }
  if (declared.max_keys !== undefined && declared.by === undefined) onFault('max_keys needs by', 'max_keys')
  const wanted = (key: 'q' | 'per' | 'prior' | 'half_life' | 'within'): number => {
    if (declared[key] === undefined) onFault('missing', key)
    return declared[key] ?? Number.NaN
  }
  switch (name) {
    case 'count':
      return { name, ...own, ...by }
    case 'sum':
      return { name, of, scale, ...by }
    case 'avg':
    case 'variance':
    case 'stddev':
      return { name, of, scale }
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return { name, of }
    case 'last_n':
      return { name, of, n: declared.n ?? 10 }
    case 'distinct':
    case 'most_frequent':
    case 'least_frequent':
      return { name, of, max }
    case 'top':
      return { name, of, k: declared.k ?? 3, max }
    case 'quantile':
      return { name, of, q: wanted('q'), error: declared.error ?? 0.01 }
    case 'rate':
      return { name, ...own, perMs: wanted('per'), scale }
    case 'smoothed_rate':
      return { name, of, prior: wanted('prior'), weight: declared.weight ?? 10 }
    case 'decayed_sum':
      return { name, of, halfLifeMs: wanted('half_life') }
    case 'time_since':
    case 'time_since_first':
    case 'active_days':
      return { name }
    case 'funnel':
      return { name, steps: declared.funnel!, withinMs: wanted('within'), maxEvents: declared.max_events }
    case 'sequence':
      return {
        name,
        steps: declared.sequence!,
        withinMs: wanted('within'),
        strict: declared.strict ?? false,
        maxEvents: declared.max_events,
      }
  }
}

/** Why a kind can't use a window; undefined if it can. */
export function windowFault({ name }: AggregateDeclaration, window: Window): string | undefined {
  if (name === 'decayed_sum' && window.kind !== 'lifetime') return 'decayed_sum forgets by its half_life: say lifetime'
  if ((name === 'funnel' || name === 'sequence') && window.kind !== 'lifetime' && window.kind !== 'sliding') {
    return `a ${name} looks at single events: its window is lifetime or { sliding: … }`
  }
  if (name === 'rate' && !('sizeMs' in window)) return 'a rate needs a window with a size'
  return undefined
}
