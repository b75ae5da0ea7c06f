import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../src/config/load.ts'
import { compileEngine } from '../src/engine.ts'
import type { RecordBatch } from '../src/events/log.ts'
import { Pipeline } from '../src/pipeline.ts'
import { compileStages } from '../src/stages.ts'
import { MemoryProfiles } from '../src/tools/replay/memory-profiles.ts'
import { median, type Report } from './report.ts'

/**
 * What an event costs of a customer who has filled all that a feature keeps, beside one of the usual customers: each kind of
 * feature over each kind of window, the pure core alone, decoding of JSON included. A condition reads the feature with every
 * event and is never met. The usual customer has 50 events in a window and ten different values. At the bound each event
 * brings a value that was never there, and the window moves on; in a second run every other event is late as well.
 */

interface Kind {
  readonly name: string
  readonly declared: string
  readonly when: string
  /** Only over these windows; by default over all of them. */
  readonly windows?: readonly string[]
}

const list = "f.size() > 0 && f[0] == 'none'"
const none = 'f == -1.5'
const perTime = ['panes', 'many_panes', 'sliding', 'sliding_widest']
const single = ['sliding', 'sliding_for_30_steps', 'lifetime']
const steps = (n: number) => Array.from({ length: n }, (_, i) => `properties.s == ${i % 3}`).join(', ')

const kinds: readonly Kind[] = [
  { name: 'count', declared: 'count: {}', when: 'f == -1' },
  { name: 'sum', declared: 'sum: properties.n', when: none },
  { name: 'avg', declared: 'avg: properties.n', when: none },
  { name: 'stddev', declared: 'stddev: properties.n', when: none },
  { name: 'min', declared: 'min: properties.n', when: none },
  { name: 'first', declared: 'first: properties.c', when: "f == 'none'" },
  { name: 'last', declared: 'last: properties.c', when: "f == 'none'" },
  { name: 'time_since_first', declared: 'time_since_first: {}', when: none },
  { name: 'smoothed_rate', declared: 'smoothed_rate: properties.s == 1, prior: 0.1', when: none },
  { name: 'active_days', declared: 'active_days: {}', when: 'f == -1' },
  { name: 'rate', declared: 'rate: {}, per: 1m', when: none, windows: perTime },
  { name: 'last_100', declared: 'last_n: properties.c, n: 100', when: list },
  { name: 'count_by', declared: 'count: {}, by: properties.c', when: 'f.shoes > 3' },
  { name: 'count_by_1000', declared: 'count: {}, by: properties.c, max_keys: 1000', when: 'f.shoes > 3' },
  { name: 'sum_by_1000', declared: 'sum: properties.n, by: properties.c, max_keys: 1000', when: 'f.shoes > 3.5' },
  { name: 'distinct', declared: 'distinct: properties.c', when: 'f == -1' },
  { name: 'distinct_20000', declared: 'distinct: properties.c, max_values: 20000', when: 'f == -1' },
  { name: 'top', declared: 'top: properties.c', when: list },
  { name: 'top_100_of_20000', declared: 'top: properties.c, k: 100, max_values: 20000', when: list },
  { name: 'most_frequent', declared: 'most_frequent: properties.c', when: "f == 'none'" },
  { name: 'least_frequent', declared: 'least_frequent: properties.c', when: "f == 'none'" },
  { name: 'quantile', declared: 'quantile: properties.n, q: 0.9', when: none },
  { name: 'quantile_finest', declared: 'quantile: properties.n, q: 0.9, error: 0.001', when: none },
  { name: 'decayed_sum', declared: 'decayed_sum: properties.n, half_life: 1d', when: none, windows: ['lifetime'] },
  { name: 'funnel', declared: `funnel: [${steps(3)}], within: 1h`, when: 'f == -1', windows: single },
  { name: 'funnel_30', declared: `funnel: [${steps(30)}], within: 1h`, when: 'f == -1', windows: single },
  { name: 'sequence', declared: `sequence: [${steps(3)}], within: 1h`, when: 'f == -1', windows: single },
  { name: 'sequence_30', declared: `sequence: [${steps(30)}], within: 1h`, when: 'f == -1', windows: single },
]

interface Over {
  readonly name: string
  readonly declared: string
  /** What its rows take in; ms. */
  readonly spanMs: number
  /** Events in that time that fill them. */
  readonly events: number
  /** How late an event may be. */
  readonly latenessMs: number
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const over = (name: string, declared: string, spanMs: number, events: number, latenessMs = spanMs): Over => ({
  name,
  declared,
  spanMs,
  events,
  latenessMs,
})
const windows: readonly Over[] = [
  over('panes', 'window: { size: 24h, pane: 1h }', dayMs, 28_800, 23 * hourMs),
  over('many_panes', 'window: { size: 25h, pane: 1m }', 25 * hourMs, 45_000, 24 * hourMs),
  over('sliding', 'window: { sliding: 1h }', hourMs, 1_200),
  over('sliding_widest', 'max_events: 10000, window: { sliding: 1h }', hourMs, 12_000),
  over('sliding_for_30_steps', 'max_events: 1666, window: { sliding: 1h }', hourMs, 2_000),
  over('day', 'window: { calendar: day }', dayMs, 20_000, 0),
  over('month_of_customer', 'window: { calendar: month, timezone: customer }', 31 * dayMs, 29_760, 10 * dayMs),
  over('events', 'window: { events: 1000 }', hourMs, 1_000),
  over('session', 'window: session', dayMs, 20_000, 12 * hourMs),
  over('lifetime', 'window: lifetime', dayMs, 25_000, hourMs),
]

const startMs = Date.UTC(2026, 0, 1)
const pieceEvents = 250
const usualCustomers = 500
const usualEvents = 50

/** @param only part of the name of what is measured, `kind/window` */
export function benchBounds(folder: string, events: number, rounds: number, only: string, report: Report): void {
  let worst = 0
  for (const window of windows) {
    for (const kind of kinds) {
      const name = `${kind.name}/${window.name}`
      if (window.name === 'sliding_for_30_steps' && kind.windows !== single) continue
      if (!(kind.windows ?? [window.name]).includes(window.name) || !name.includes(only)) continue
      const runs: Cost[] = []
      for (let round = 0; round <= rounds; round++) runs.push(cost(folder, kind, window, events))
      // The first of them paid for the compiler.
      const of = (pick: (run: Cost) => number) => Math.round(median(runs.slice(1).map(pick)))
      const [usualNs, boundNs, lateNs] = [of((run) => run.usualNs), of((run) => run.boundNs), of((run) => run.lateNs)]
      const ratio = Number((Math.max(boundNs, lateNs) / usualNs).toPrecision(3))
      worst = Math.max(worst, ratio)
      report.row(name, { usual_ns: usualNs, bound_ns: boundNs, bound_and_late_ns: lateNs, ratio })
    }
  }
  report.figure('bounds_worst_ratio', worst)
}

interface Cost {
  readonly usualNs: number
  readonly boundNs: number
  readonly lateNs: number
}

function cost(folder: string, kind: Kind, window: Over, events: number): Cost {
  const file = join(folder, 'bounds.yaml')
  const write = (action: string) => {
    writeFileSync(
      file,
      `kafka: { brokers: ['none:1'] }
clickhouse: { url: 'http://none' }
topics: [{ name: events, format: json }]
features: [{ name: f, ${kind.declared}, ${window.declared} }]
actions: [${action}]
`,
    )
    return compileEngine(loadConfig(file, {}))
  }
  const engine = write(`{ name: a, when: "${kind.when}" }`)
  const measured = new Pipeline(compileStages(engine, 'json'), 'rethrow')
  // Filling reads nothing, so it takes no longer where reading is dear.
  const filling = new Pipeline(compileStages(write(''), 'json'), 'rethrow')

  const run = (perSpan: number, customers: number, values: number, isLate: boolean): number => {
    const profiles = new MemoryProfiles([])
    const stepMs = window.spanMs / perSpan
    let made = 0
    const fold = (pipeline: Pipeline, count: number): number => {
      const batch = batchOf(count, (i) => {
        const n = made + i
        const turn = Math.floor(n / customers)
        const lateMs = isLate && turn % 2 === 1 ? Math.floor((scramble(turn) * 0.9 * window.latenessMs) / modulus) : 0
        const timeMs = startMs + Math.floor(turn * stepMs) - lateMs
        return eventOf(n, `c${n % customers}`, timeMs, scramble(turn) % values)
      })
      made += count
      const begun = process.cpuUsage()
      const decoded = pipeline.decode(batch, 0, count, startMs + 1_000 * dayMs)
      pipeline.fold(batch, 0, decoded, profiles, startMs + 1_000 * dayMs)
      const { user, system } = process.cpuUsage(begun)
      return (user + system) * 1_000
    }
    for (let left = perSpan * customers; left > 0; left -= pieceEvents) fold(filling, Math.min(left, pieceEvents))
    // What is gathered for reading begins with the first reads.
    fold(measured, pieceEvents)
    let [folded, ns] = [0, 0]
    while (folded < events && ns < 2e9) {
      ns += fold(measured, pieceEvents)
      folded += pieceEvents
    }
    return ns / folded
  }
  return {
    usualNs: run(usualEvents, usualCustomers, 10, false),
    boundNs: run(window.events, 1, modulus, false),
    lateNs: run(window.events, 1, modulus, true),
  }
}

/** A prime: so many different values, in no order. */
const modulus = 1_000_003
const scramble = (n: number) => (n * 48_271) % modulus

function eventOf(n: number, customer: string, timeMs: number, value: number): Buffer {
  const properties = { c: `k${value}`, n: 1.000_05 ** (value % 500_000), s: value % 3 }
  return Buffer.from(
    JSON.stringify({ messageId: `m${n}`, userId: customer, event: 'v', timestamp: timeMs, properties }),
  )
}

function batchOf(count: number, recordOf: (i: number) => Buffer): RecordBatch {
  const values = Array.from({ length: count }, (_, i) => recordOf(i))
  return {
    topic: 'events',
    partition: 0,
    startOffset: 0,
    count,
    nextOffset: count,
    highWatermark: count,
    offset: (i) => i,
    timestamp: () => 0,
    key: () => null,
    value: (i) => values[i]!,
    headers: () => [],
  }
}
