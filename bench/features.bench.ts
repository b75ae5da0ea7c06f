import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../src/config/load.ts'
import { compileEngine, type Engine } from '../src/engine.ts'
import type { RecordBatch } from '../src/events/log.ts'
import { Pipeline } from '../src/pipeline.ts'
import { layoutOf, writeState } from '../src/profiles/codec.ts'
import { compileStages } from '../src/stages.ts'
import { RowBuffer } from '../src/store/row-binary.ts'
import { MemoryProfiles } from '../src/tools/replay/memory-profiles.ts'
import { type Click, generateClicks } from './clicks.ts'
import { median, type Report } from './report.ts'
import { fromRoot } from './service-process.ts'

const counts = [0, 10, 50, 200]
const customers = 5_000
const pieceRecords = 1_000
const topic = 'bench.clicks'

/** What a marketer declares: kinds, conditions and windows in all combinations; the longer the list, the more they share. */
const kinds = [
  'count: {}',
  'sum: properties.price',
  'max: properties.price',
  'last: properties.item_id',
  'avg: properties.price',
  'distinct: properties.item_id, max_values: 100',
  'time_since: {}',
  'stddev: properties.price',
]
const conditions = ['view', 'search', 'add_to_cart', 'purchase', 'support'].map((type) => `type == "${type}"`)
const windows = [
  '{ size: 5m, pane: 1m }',
  '{ size: 1h, pane: 5m }',
  '{ size: 24h, pane: 1h }',
  '{ size: 7d, pane: 1d }',
  'lifetime',
]

function declarations(count: number): string {
  const lines: string[] = []
  for (const kind of kinds) {
    for (const window of windows) {
      for (const where of conditions) {
        lines.push(`{ name: f${lines.length}, ${kind}, where: '${where}', window: ${window} }`)
      }
    }
  }
  return lines.slice(0, count).join(', ')
}

/** CPU an event and feature, and bytes a profile, of 10, 50 and 200 declared features; the pure core alone. */
export function benchFeatures(folder: string, events: number, rounds: number, report: Report): void {
  const clicks = [...generateClicks({ count: events, customers, seed: 3 })]
  const nanoseconds = counts.map(() => [] as number[])
  const bytes = counts.map(() => 0)
  // Not measured: the first to run would pay for the compiler.
  foldAll(engineOf(folder, Math.max(...counts)), clicks)
  for (let round = 1; round <= rounds; round++) {
    report.say(`round ${round} of ${rounds}: ${counts.join(', ')} features`)
    counts.forEach((count, i) => {
      const engine = engineOf(folder, count)
      const { cpuNs, profileBytes } = foldAll(engine, clicks)
      nanoseconds[i]!.push(cpuNs / events)
      bytes[i] = profileBytes
    })
  }
  const [without = 0, ...others] = nanoseconds.map(median)
  report.figure('fold_0_features_ns_per_event', without)
  others.forEach((each, i) => {
    const count = counts[i + 1]!
    report.figure(`fold_${count}_features_ns_per_event`, each)
    report.figure(`fold_${count}_features_ns_per_event_and_feature`, (each - without) / count)
    report.figure(`fold_${count}_features_bytes_per_profile`, bytes[i + 1]!)
  })
}

function engineOf(folder: string, count: number): Engine {
  const file = join(folder, `features-${count}.yaml`)
  const schema = fromRoot('bench/clicks.avsc')
  const mapping =
    'id: event_id, customer: user_id, session_id: session_id, type: event_type, time: event_time, url: url'
  writeFileSync(
    file,
    `kafka: { brokers: ['none:1'] }
clickhouse: { url: 'http://none' }
topics: [{ name: ${topic}, format: wire, schema: ${schema}, mapping: { ${mapping} } }]
features: [${declarations(count)}]
`,
  )
  return compileEngine(loadConfig(file, {}))
}

function foldAll(engine: Engine, clicks: readonly Click[]): { cpuNs: number; profileBytes: number } {
  const pipeline = new Pipeline(compileStages(engine, 'json'), 'rethrow')
  const profiles = new MemoryProfiles([])
  const batch = batchOf(clicks)
  const nowMs = Date.UTC(2026, 2, 1)
  let cpuNs = 0
  for (let from = 0; from < clicks.length; from += pieceRecords) {
    const decoded = pipeline.decode(batch, from, Math.min(from + pieceRecords, clicks.length), nowMs)
    const before = process.cpuUsage()
    pipeline.fold(batch, from, decoded, profiles, nowMs)
    const { user, system } = process.cpuUsage(before)
    cpuNs += (user + system) * 1_000
  }
  const out = new RowBuffer()
  const layout = layoutOf(engine.features, [])
  const seen = new Set(clicks.map(({ customer }) => customer))
  for (const customer of seen) writeState(out, profiles.of(customer), layout)
  return { cpuNs, profileBytes: out.length / seen.size }
}

function batchOf(clicks: readonly Click[]): RecordBatch {
  return {
    topic,
    partition: 0,
    startOffset: 0,
    count: clicks.length,
    nextOffset: clicks.length,
    highWatermark: clicks.length,
    offset: (i) => i,
    timestamp: (i) => clicks[i]!.loggedMs,
    key: () => null,
    value: (i) => clicks[i]!.value,
    headers: () => [],
  }
}
