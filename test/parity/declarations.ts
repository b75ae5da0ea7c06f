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
  sum: { sum: number, scale: 2 },
  avg: { avg: number },
  min: { min: number },
  max: { max: number },
  first: { first: text },
  last: { last: number },
  distinct: { distinct: text, max_values: 10_000 },
  top: { top: text, k: 5, max_values: 10_000 },
  since: { time_since: {} },
})

const windows: Readonly<Record<string, unknown>> = {
  '1h': { size: '1h', pane: '5m' },
  '24h': { size: '24h', pane: '1h' },
  '7d': { size: '7d', pane: '1d' },
  '28d': { size: '28d', pane: '1d' },
  session: 'session',
  lifetime: 'lifetime',
}

/** As the section `features` of a configuration has them. */
export function declareAll(subject: Subject): Declared[] {
  const conditions = [undefined, ...subject.conditions]
  return Object.entries(kinds(subject)).flatMap(([kind, declared]) =>
    Object.entries(windows).flatMap(([window, over]) =>
      conditions.map((where, i) => {
        const name = `${kind}_${window}${where === undefined ? '' : `_${i}`}`
        return { name, ...declared, window: over, ...(where === undefined ? {} : { where }) }
      }),
    ),
  )
}
