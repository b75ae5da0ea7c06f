import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { produceClicks } from '../../bench/clicks-topic.ts'
import { fromRoot, makeBed, type Place, partitions, ServiceProcess, selectOne } from '../../bench/service-process.ts'
import type { ParitySummary } from '../../src/parity/tally.ts'
import { startStack, stopStack } from '../../src/tools/stack/stack.ts'
import { type Dataset, datasets, readDataset, topicOf } from './datasets.ts'
import { declareAll } from './declarations.ts'
import { disturb } from './disturb.ts'

/**
 * `npm run parity -- --json --data NAME`: the service over real histories, disturbed, with every feature declared in every
 * window, and then `beckon parity` over all customers; on servers of its own. Prints a line a history, and one of all of
 * them last. Exit code 1 where a value differs.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})
const disturbance = { latenessMs: 1_800_000, duplicates: 0.05, stragglers: 0.01, seed: Number(values.seed) }
const say = (line: string) => console.error(`parity: ${line}`)

async function run(place: Place, dataset: Dataset): Promise<Record<string, unknown> & ParitySummary> {
  const history = readDataset(dataset)
  const messages = disturb(history, disturbance)
  const topic = `parity.${dataset.name}`
  say(`${dataset.name}: ${messages.length} records of ${history.length} events`)
  const clicks = messages.map(({ customer, value, timeMs }) => ({ customer, value, loggedMs: timeMs }))
  await produceClicks([place.kafka], topic, partitions, clicks)
  const features = declareAll(dataset)
  const sections = { topics: [topicOf(dataset, topic)], features }
  const yaml = Object.entries(sections).map(([key, section]) => `${key}: ${JSON.stringify(section)}\n`)
  const bed = await makeBed(place, `parity.${dataset.name.replaceAll('-', '_')}`, yaml.join(''))
  const service = new ServiceProcess(bed, [])
  try {
    await service.reaches('beckon_events_consumed_total', messages.length)
  } finally {
    await service.end('SIGTERM')
  }
  const counts = `SELECT toUInt32(count()) AS events, toUInt32(countIf(late)) AS late, toUInt32(countIf(duplicate)) AS duplicates,
    toUInt32(uniqExact(customer)) AS customers FROM events FINAL`
  const stored = await selectOne<Record<string, number>>(bed.client, counts)
  await bed.client.close()
  say(`${dataset.name}: ${features.length} features of ${stored['customers']} customers`)
  const { stdout } = spawnSync(
    process.execPath,
    [fromRoot('bin/beckon.js'), 'parity', '--json', '--show', '-c', bed.configFile],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 },
  )
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const line of lines.slice(0, -1)) if (line['different'] !== 0) say(JSON.stringify(line))
  return { data: dataset.name, ...stored, ...(lines.at(-1) as unknown as ParitySummary) }
}

/** Of all histories together; the worst difference is the worst of any. */
function totalOf(all: readonly ParitySummary[]): Record<string, unknown> & ParitySummary {
  const sum = (field: keyof ParitySummary) => all.reduce((total, one) => total + one[field], 0)
  return {
    data: 'all',
    features: sum('features'),
    compared: sum('compared'),
    equal: sum('equal'),
    within_bound: sum('within_bound'),
    different: sum('different'),
    worst: Math.max(...all.map(({ worst }) => worst)),
  }
}

function print(figures: Record<string, unknown>): void {
  const entries = Object.entries(figures)
  console.log(values.json ? JSON.stringify(figures) : entries.map((pair) => pair.join(' ')).join(', '))
}

const folder = mkdtempSync(join(tmpdir(), 'beckon-parity-'))
const dir = join(folder, 'stack')
try {
  const servers = await startStack({ dir, ports: { kafka: 0, clickhouse: 0 }, onStep: say })
  const chosen = datasets.filter(({ name }) => values.data === undefined || name === values.data)
  const all: ParitySummary[] = []
  for (const dataset of chosen) {
    const figures = await run({ ...servers, folder }, dataset)
    print(figures)
    all.push(figures)
    if (figures.compared === 0 || figures.different > 0) process.exitCode = 1
  }
  if (all.length > 1) print(totalOf(all))
} finally {
  await stopStack({ dir, wipe: true })
  rmSync(folder, { recursive: true, force: true })
}
