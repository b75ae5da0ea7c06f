import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { freePort } from '../../src/tools/stack/ports.ts'

/** What the workers read and write, and by which rules. */

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

export const partitions = 6
/** Two, since they share the journal and the workers. */
export const topics = ['faults.clicks', 'faults.taps']
export const output = { actions: 'faults.actions', dead_letters: 'faults.dead_letters', journal: 'faults.journal' }
export const group = 'faults'
/** Small, so that a worker with something to do is in a transaction most of the time. */
const sliceEvents = 50

/** What the customer is asked when the cart is left: decided when a timer fires. */
const timed = {
  name: 'come_back',
  on: { absent: 'purchase', after: 'add_to_cart', for: '4s' },
  when: 'carts_1h > 0',
  contact: { cooldown: '20s' },
}

/**
 * The settings that events are folded by: those of the start, what a rolling restart makes of them, and another one, which
 * takes all back but the window of ids: those that were forgotten do not come back.
 */
export const settingsNames = ['usual', 'changed', 'settled'] as const
export type Settings = (typeof settingsNames)[number]
const shorter = { window: '10m' }
const changes = {
  usual: { dedupe: {}, enrich: {} },
  changed: { dedupe: shorter, enrich: { user_agent: false, session: { idle: '10m', max: '2h' } } },
  settled: { dedupe: shorter, enrich: {} },
}
/** An id counts for so long. */
export const dedupeMs = { usual: 3_600_000, shorter: 600_000 }

export interface Servers {
  readonly brokers: readonly string[]
  readonly store: object
}

/** A worker's configuration: the clicks of the benchmark and a timer, with an ops port of its own. */
export async function writeConfig(file: string, { brokers, store }: Servers, settings: Settings) {
  const { topics: declared, features, actions, arbitration } = parse(readFileSync(path('bench/clicks.yaml'), 'utf8'))
  const config = {
    kafka: { brokers, group },
    clickhouse: store,
    topics: topics.map((name) => ({
      ...declared[0],
      name,
      schema: path('bench/clicks.avsc'),
      key: 'customer',
      tombstones: 'erase',
    })),
    output: { ...output, format: 'json' },
    slice: { max_events: sliceEvents },
    // A topic that is behind is read within a moment of the other's time, and a customer has thousands of events in it.
    dedupe: { max_ids: 100_000, ...changes[settings].dedupe },
    enrich: changes[settings].enrich,
    ops: { port: await freePort() },
    features,
    actions: [...actions, timed],
    arbitration,
  }
  writeFileSync(file, JSON.stringify(config)) // JSON is YAML.
  return file
}

/** How a worker is started: the service itself, or one of the controls. */
export function commandOf(mode: Mode, config: string): string[] {
  if (mode === 'partition') return [path('bin/beckon.js'), 'run', '-c', config]
  return [path(`dist/test/faults/${controls[mode]}.js`), config]
}

/**
 * `partition` is the service. The negative controls: `worker` has transactional ids of the worker, so that nobody is fenced;
 * `unchecked` commits what was not acknowledged.
 */
export const modes = ['partition', 'worker', 'unchecked'] as const
export type Mode = (typeof modes)[number]

const controls = { worker: 'one-id-worker', unchecked: 'unchecked-worker' }
