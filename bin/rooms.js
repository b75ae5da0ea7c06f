// The rooms of `src` and the arrows between them, from the imports. An import goes down the list below, never up or
// sideways, so there is no circle; and a package that talks to the world is known in its own rooms alone. Without an argument
// it writes the figure into CONTRIBUTING.md; with --check it exits with 1 where an import goes another way, each told with its
// line, or where the figure is not that of the imports. A second argument is another root than this one.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** From the top to the bottom; rooms of one line do not know each other. A file that lies in `src` itself is a room. */
const layers = [
  { 'main.ts': 'the command line' },
  { cli: 'a file for each command: options, what it prints, exit codes' },
  {
    'tools/demo': 'a local shop whose visitors stream through the service',
    'tools/doctor': 'finds what is wrong with brokers, topics, tables, clocks',
    'tools/replay': 'files through the pipeline, and rule tests',
    'tools/explain': 'derives a decision again from what is stored, and says why it ended so',
    'tools/covered': 'who is left with nothing, and which actions are left over',
    'tools/training': 'training sets: features as of a moment, by SQL',
    'tools/repartition': 'moves customers to where their keys lie among more partitions',
    'tools/erasure': 'forgets a customer, in the store and in the journal',
    'tools/dead-letters': 'lists dead letters, and sends them in again',
    'tools/changes': 'what another configuration would change',
  },
  {
    'tools/inspection': 'events as they are read, for people',
    'tools/sources': 'rows of CSV, NDJSON, Avro and access log files',
    'tools/stack': 'a local Kafka, ClickHouse and Schema Registry',
  },
  { 'service.ts': 'start and stop of `beckon run`' },
  {
    'ruled.ts': 'what the service does by the names of the rules',
    'live-rules.ts': 'the rules that are deployed while the service runs',
  },
  {
    'task-deps.ts': 'what all tasks share, made of the configuration',
    'schedules.ts': 'what the service does on a schedule beside the stream',
  },
  { task: 'one partition: open, fold, commit, save, recover' },
  { 'stages.ts': "the pipeline's stages, made of the configuration" },
  { 'pipeline.ts': 'the flow: decode, de-duplicate, enrich, features, timers, decide, emit' },
  {
    'undo.ts': 'takes back what an event did that made the code throw',
    'slice-input.ts': 'what the pipeline takes of a slice, and the stages',
  },
  { 'complete-kinds.ts': 'which stored profiles have all features' },
  {
    journal: 'what was decided, slice by slice, and checkpoints',
    parity: 'features in profiles against SQL over the events, on a schedule',
    placement: 'customers whose events lie in two partitions, on a schedule',
    profiles: 'what is known of a customer: in memory, encoded, recent ids, traits',
    'trouble.ts': 'which dependency is to blame for an error',
    'earlier.ts': 'the engine of rules and settings of before',
    rules: 'rules deployed through a topic, and which rules count',
  },
  {
    ops: 'metrics, log lines, health, outages, clocks',
    store: 'rows, and ClickHouse behind ports',
  },
  {
    'engine.ts': 'the configuration compiled',
    'slice-output.ts': 'what the pipeline gives of a slice, as values',
  },
  {
    emit: "actions and dead letters as records; an action's id",
    'fold-settings.ts': 'all that folds beside the rules, by its hash',
  },
  {
    config: 'the configuration file: schema, faults with their place',
    decide: 'gates, contact rules, arbitration: the decision as a value',
  },
  {
    cases: 'what came of actions: cases, outcomes, goals',
    sql: 'features as SQL',
    timers: 'absences, and conditions that become true as time passes',
  },
  { features: 'aggregates and windows, lateness' },
  {
    expressions: 'CEL',
    log: 'Kafka and an in-memory log behind one port',
  },
  { ingest: 'records to events: Avro, JSON, mapping, the registry, rejections' },
  {
    enrich: 'sessions, agents, referrers, campaigns, channel groups, places',
    consent: 'what customers have said about being addressed, by purpose and channel',
  },
  { events: 'the event, its values and texts; record batches' },
  {
    'canonical.ts': 'JSON with its keys in order',
    'fold-version.ts': "the fold's own version",
    'schema-files.ts': 'the files of `schemas`',
    'user-cache.ts': 'where a user keeps downloads',
  },
]

/** Where a package may be imported. */
const packages = {
  kafkajs: /\/kafka\//,
  '@clickhouse/client': /\/clickhouse\//,
  pino: /^ops\//,
  'prom-client': /^ops\//,
  commander: /^(cli\/|main\.ts$)/,
}

const root = process.argv[3] ?? fileURLToPath(new URL('..', import.meta.url))
const heights = new Map(layers.flatMap((rooms, depth) => Object.keys(rooms).map((room) => [room, -depth])))

function roomOf(path) {
  const [first, second, ...rest] = path.split('/')
  if (second === undefined) return first
  return first === 'tools' && rest.length > 0 ? `${first}/${second}` : first
}

/** The package of an import: `pkg/sub` is of `pkg`, and `@scope/pkg/sub` of `@scope/pkg`. */
const packageOf = (target) => /^(@[^/]+\/)?[^/]+/.exec(target)?.[0]

/**
 * Every import of a room by another, `{ from, to, place, target }`, and every one of a package of the above in a wrong place.
 * Tests may know what they like.
 */
function readImports() {
  const arrows = []
  const strays = []
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  for (const path of files.filter((name) => /\.ts$/.test(name) && !/\.test\.ts$|(^|\/)test-/.test(name)).sort()) {
    const lines = readFileSync(join(root, 'src', path), 'utf8').split('\n')
    for (const [i, line] of lines.entries()) {
      const target = /(?:from|import)\s*\(?'([^']+)'/.exec(line)?.[1]
      if (target === undefined) continue
      const rule = packages[packageOf(target)]
      if (rule && !rule.test(path)) strays.push({ place: `src/${path}:${i + 1}`, target })
      if (!target.startsWith('.')) continue
      const [from, to] = [roomOf(path), roomOf(normalize(join(dirname(path), target)))]
      if (from !== to) arrows.push({ from, to, place: `src/${path}:${i + 1}`, target })
    }
  }
  return { arrows, strays }
}

/** The rooms that each one uses, but for those that one of these uses as well. */
function reduce(arrows) {
  const uses = new Map([...heights.keys()].map((room) => [room, new Set()]))
  for (const { from, to } of arrows) uses.get(from)?.add(to)
  const below = new Map()
  for (const room of [...uses.keys()].reverse()) {
    const all = [...uses.get(room)]
    below.set(room, new Set(all.flatMap((used) => [used, ...(below.get(used) ?? [])])))
  }
  const isReached = (room, others) => others.some((other) => other !== room && below.get(other)?.has(room))
  return new Map([...uses].map(([room, all]) => [room, [...all].filter((used) => !isReached(used, [...all]))]))
}

function figureOf(arrows) {
  const uses = reduce(arrows)
  const inOrder = (rooms) => [...rooms].sort((a, b) => heights.get(b) - heights.get(a) || (a < b ? -1 : 1))
  const rows = layers.flatMap((rooms) =>
    Object.entries(rooms).map(([room, what]) => {
      return `| [\`${room}\`](src/${room}) | ${what} | ${inOrder(uses.get(room)).join(', ')} |`
    }),
  )
  return ['| room | what it is | uses, and what these use |', '| --- | --- | --- |', ...rows].join('\n')
}

const { arrows, strays } = readImports()
const faults = strays.map(({ place, target }) => `${place}: ${target} is known in its own rooms alone`)
faults.push(
  ...arrows.flatMap(({ from, to, place, target }) => {
    if (!heights.has(from)) return [`${place}: the room ${from} is not in the list of bin/rooms.js`]
    if (!heights.has(to)) return [`${place}: ${target} is of a room that is not in the list of bin/rooms.js`]
    return heights.get(from) > heights.get(to) ? [] : [`${place}: ${from} may not use ${to}, which is not below it`]
  }),
)
const path = join(root, 'CONTRIBUTING.md')
const text = readFileSync(path, 'utf8')
const now = text.replace(
  /(<!-- rooms -->\n)[\s\S]*?(\n<!-- \/rooms -->)/,
  (_all, begin, end) => begin + figureOf(arrows) + end,
)
if (process.argv[2] !== '--check') {
  if (now !== text) writeFileSync(path, now)
} else if (now !== text) {
  faults.push(
    `${relative(process.cwd(), path) || basename(path)}: the figure is not that of the imports; node bin/${basename(import.meta.filename)} makes it`,
  )
}
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
