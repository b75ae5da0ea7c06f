import { configSchema } from '../../src/config/schema.ts'

/**
 * Every kind of feature in every window that it allows, under every condition. A new kind or a new window is one line here,
 * and the checker proves it over all the data.
 */

/** What of a stream's events the features are of; CEL. */
export interface Subject {
  readonly number: string
  readonly text: string
  /** Beside every event. */
  readonly conditions: readonly string[]
}

type Declared = Readonly<Record<string, unknown>>

const kinds = ({ number, text }: Subject): Readonly<Record<string, Declared>> => ({
  count: { count: {} },
  count_of: { count: number },
  count_by: { count: {}, by: text, max_keys: 20 },
  sum: { sum: number, scale: 2 },
  sum_by: { sum: number, scale: 2, by: text, max_keys: 1_000 },
  avg: { avg: number },
  variance: { variance: number },
  stddev: { stddev: number, scale: 2 },
  min: { min: number },
  max: { max: number },
  first: { first: text },
  last: { last: number },
  last_n: { last_n: text, n: 5 },
  distinct: { distinct: text, max_values: 10_000 },
  sketch: { distinct: text, max_values: 10 },
  top: { top: text, k: 5, max_values: 10_000 },
  most: { most_frequent: text, max_values: 10_000 },
  least: { least_frequent: text, max_values: 10_000 },
  median: { quantile: number, q: 0.5 },
  rate: { rate: {}, per: '1m' },
  rate_of: { rate: number, per: '1d', scale: 2 },
  share: { smoothed_rate: `${number} > 1.5`, prior: 0.05 },
  decayed: { decayed_sum: number, half_life: '7d' },
  funnel: { funnel: [`${number} > 1.5`, `${number} <= 1.5`, `${number} > 1.5`], within: '1h' },
  since: { time_since: {} },
  since_first: { time_since_first: {} },
  days: { active_days: {} },
})

const windows: Readonly<Record<string, unknown>> = {
  '1h': { size: '1h', pane: '5m' },
  '24h': { size: '24h', pane: '1h' },
  '7d': { size: '7d', pane: '1d' },
  '28d': { size: '28d', pane: '1d' },
  hopping: { size: '6h', pane: '2h' },
  sliding: { sliding: '2h' },
  latest_ms: { sliding: '30d' },
  day: { calendar: 'day', timezone: 'Europe/London' },
  week: { calendar: 'week', timezone: 'customer' },
  month: { calendar: 'month' },
  events: { events: 25 },
  session: 'session',
  lifetime: 'lifetime',
}

/** As the section `features` of a configuration has them. */
export function declareAll(subject: Subject): Declared[] {
  const conditions = [undefined, ...subject.conditions]
  return Object.entries(kinds(subject))
    .flatMap(([kind, declared]) =>
      Object.entries(windows).flatMap(([window, over]) =>
        conditions.map((where, i) => {
          const name = `${kind}_${window}${where === undefined ? '' : `_${i}`}`
          const bound = window === 'latest_ms' ? { max_events: 20 } : {}
          return { name, ...declared, window: over, ...bound, ...(where === undefined ? {} : { where }) }
        }),
      ),
    )
    .filter((feature) => configSchema.shape.features.safeParse([feature]).success)
}
