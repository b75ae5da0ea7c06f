import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../src/config/load.ts'
import { drawOf } from '../src/decide/chance.ts'
import { decide } from '../src/decide/decide.ts'
import { payloadOf } from '../src/emit/payload.ts'
import { compileEngine, type Engine } from '../src/engine.ts'
import { Event, Properties } from '../src/events/event.ts'
import { updateFeatures } from '../src/features/features.ts'
import type { Moment } from '../src/features/moment.ts'
import { Profile } from '../src/profiles/profile.ts'
import { noEnrichment } from '../src/timers/eventless-moment.ts'
import type { Report } from './report.ts'

const actions = 200
const features = 50

/** All 200 are open, each with a condition and factors over several of the features, and a payload. */
function configOf(arbitration: string): string {
  const declared = Array.from({ length: features }, (_, i) => {
    const kind = ['count: {}', 'sum: properties.price', 'max: properties.price', 'avg: properties.price'][i % 4]
    const where = `type == "${['view', 'search', 'order'][i % 3]}"`
    return `{ name: f${i}, ${kind}, where: '${where}', window: { size: ${1 + (i % 24)}h, pane: ${i % 2 === 0 ? '5m' : '30m'} } }`
  })
  const of = (i: number) => `f${(i % features) - ((i % features) % 4)}`
  const competing = Array.from({ length: actions }, (_, i) => {
    const when = `${of(i)} >= 0 && ${of(i + 7)} < 1000000 && type != 'bot'`
    const value = `1.0 + ${of(i + 13)} * 0.5`
    const slots = ['[hero]', '[row]', '[hero, row]'][i % 3]
    const own = arbitration.includes('slots') ? `, slots: ${slots}` : ''
    return `{ name: a${i}, when: "${when}", value: "${value}", propensity: 0.${1 + (i % 9)}, contact: { cooldown: 1h }, payload: { item: { cel: properties.item } }${own} }`
  })
  return `kafka: { brokers: ['none:1'] }
clickhouse: { url: 'http://none' }
topics: [{ name: events, format: json }]
features: [${declared.join(',\n  ')}]
actions: [${competing.join(',\n  ')}]
arbitration: ${arbitration}
`
}

const arbitrations: Readonly<Record<string, string>> = {
  best: '{}',
  best_explored: '{ nothing: 0.5, explore: { epsilon: 0.05 } }',
  slots_explored:
    '{ slots: { hero: 1, row: 3 }, nothing: 0.5, explore: { epsilon: 0.05 }, contact: { caps: [{ max: 20, per: 1h }] } }',
}

/** How long one decision among 200 open actions over 50 features takes: median and 99th percentile, µs of wall-clock time. */
export function benchDecisions(folder: string, report: Report): void {
  for (const [name, arbitration] of Object.entries(arbitrations)) {
    const file = join(folder, 'decisions.yaml')
    writeFileSync(file, configOf(arbitration))
    const micros = timesOf(compileEngine(loadConfig(file, {})), 5_000).sort((a, b) => a - b)
    const at = (share: number) => Number(micros[Math.floor(share * micros.length)]!.toPrecision(3))
    report.row(`decide_200_actions_50_features_${name}`, {
      p50_us: at(0.5),
      p99_us: at(0.99),
      max_us: at(1 - 1 / micros.length),
    })
  }
}

/** @returns µs; the first fifth, while the compiler is still at work, is left out */
function timesOf({ features: set, policy }: Engine, decisions: number): number[] {
  const profile = new Profile('c')
  const event = new Event()
  const { session, traits, groups } = profile
  const moment: Moment = { event, enrichment: noEnrichment, session, traits, groups, notReady: undefined, asOfMs: 0 }
  const micros: number[] = []
  for (let i = 0; i < decisions; i++) {
    event.type = ['view', 'search', 'order'][i % 3]!
    event.properties = new Properties(['price', 'item'], [(i % 90) + 0.5, `item ${i}`])
    event.timeMs = moment.asOfMs = 1_700_000_000_000 + i * 20_000
    updateFeatures(set, groups, moment, event.timeMs, new Map())
    const beganMs = performance.now()
    const draw = policy.epsilon > 0 ? drawOf('explore', String(i)) : 1
    const fits = ({ treatment }: { treatment: Parameters<typeof payloadOf>[0] | undefined }) => {
      payloadOf(treatment!, moment)
      return true
    }
    const { chosen } = decide(policy, policy.onEvent, profile, moment, { draw, arm: '', fits })
    const tookMs = performance.now() - beganMs
    if (chosen.length === 0 && draw === 1) throw new Error('nothing was chosen')
    if (i >= decisions / 5) micros.push(tookMs * 1_000)
  }
  return micros
}
