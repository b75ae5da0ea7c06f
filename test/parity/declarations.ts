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
  sequence: { sequence: [`${number} > 1.5`, `${number} <= 1.5`], within: '1h' },
  strict: { sequence: [`${number} > 1.5`, `${number} <= 1.5`, `${number} > 1.5`], within: '1d', strict: true },
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

/** Of features of every type, of those that have a bound, and of computed ones. */
const computed: Readonly<Record<string, string>> = {
  ratio: 'double(count_7d) / count_lifetime + base',
  whole: 'count_28d / count_7d',
  base: 'first_lifetime == last_n_lifetime[0] ? 0.5 : double(avg_7d)',
  is_keen: 'avg_24h != null && avg_24h > 2.0 || max_lifetime > 10.0 * mean_ever',
  mean_ever: 'sum_lifetime / count_of_lifetime',
  bounded: 'median_28d > 2.5 ? decayed_lifetime : stddev_28d',
  favourite: 'most_28d in top_lifetime ? most_28d : "none of " + string(size(top_lifetime))',
  favourites: 'top_lifetime.filter(t, t != first_lifetime)',
  of_latest: 'sum_by_lifetime[string(first_events)]',
  often: 'count_by_28d.exists(k, count_by_28d[k] > 2)',
  lately: 'last_n_lifetime.map(t, t in last_n_24h)',
  counts: '{"hour": count_1h, "day": count_24h, "keen": is_keen ? 1 : 0}',
}

/** As the section `features` of a configuration has them. */
export function declareAll(subject: Subject): Declared[] {
  const conditions = [undefined, ...subject.conditions]
  const aggregates = Object.entries(kinds(subject))
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
  return [...aggregates, ...Object.entries(computed).map(([name, value]) => ({ name, value }))]
}
