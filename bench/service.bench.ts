import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { generateClicks } from './clicks.ts'
import { produceClicks } from './clicks-topic.ts'
import { median, type Report } from './report.ts'
import * as present from './service-process.ts'
import { databaseOf, fromRoot, type Place, partitions, selectOne, type Usage, usageOf } from './service-process.ts'

const topic = 'bench.clicks'
/** As in deploy/docker/Dockerfile. */
const nodeFlags = ['--max-semi-space-size=64', '--v8-pool-size=1']

interface Run extends Usage {
  readonly seconds: number
  /** Of the service: from when all events were consumed until all of their rows were stored. */
  readonly storedAfter?: number
}

/**
 * The whole service, with transactions and ClickHouse writes, over a topic of clicks, beside a bare loop of kafkajs and
 * avsc over the same topic. All take turns, so that the machine's noise meets each of them.
 * @param baseline the folder of another checkout, built, whose service takes turns too
 */
export async function benchService(
  place: Place,
  events: number,
  rounds: number,
  baseline: string | undefined,
  report: Report,
): Promise<void> {
  report.say(`filling ${topic} with ${events} events`)
  await produceClicks([place.kafka], topic, partitions, generateClicks({ count: events, customers: 10_000, seed: 1 }))
  const before = baseline === undefined ? undefined : await checkoutAt(baseline)
  const bareLoop: Run[] = []
  const service: Run[] = []
  const earlier: Run[] = []
  for (let round = 1; round <= rounds; round++) {
    report.say(`round ${round} of ${rounds}: the bare loop`)
    bareLoop.push(await runBareLoop(place, events))
    const turns = [['service', present, service] as const, ...(before ? [['baseline', before, earlier] as const] : [])]
    // Who comes later has an advantage of some per cent.
    if (round % 2 === 0) turns.reverse()
    for (const [name, checkout, runs] of turns) {
      report.say(`round ${round} of ${rounds}: the ${name}`)
      runs.push(await runService(checkout, place, events, `bench.${name}.${round}`))
    }
  }
  report.figure('service_seconds_until_stored', median(service.map(({ storedAfter = 0 }) => storedAfter)))
  const rate = (runs: Run[]) => events / median(runs.map(({ seconds }) => seconds))
  const perCpu = (runs: Run[]) => events / median(runs.map(({ cpuSeconds }) => cpuSeconds))
  for (const [name, runs] of Object.entries({ bare_loop: bareLoop, service, baseline: earlier })) {
    if (runs.length === 0) continue
    report.figure(`${name}_events_per_second`, rate(runs))
    report.figure(`${name}_events_per_cpu_second`, perCpu(runs))
    report.figure(`${name}_peak_mb`, median(runs.map(({ peakMb }) => peakMb)))
  }
  report.figure('service_to_bare_loop_rate', rate(service) / rate(bareLoop))
  report.figure('service_to_bare_loop_per_cpu', perCpu(service) / perCpu(bareLoop))
  if (earlier.length === 0) return
  report.figure('service_to_baseline_rate', rate(service) / rate(earlier))
  report.figure('service_to_baseline_per_cpu', perCpu(service) / perCpu(earlier))
}

/** What runs the service of a checkout: this one's, or that of another, which has tables of its own. */
type Checkout = Pick<typeof present, 'fromRoot' | 'makeBed' | 'ServiceProcess'>

async function checkoutAt(folder: string): Promise<Checkout> {
  return import(pathToFileURL(join(resolve(folder), 'dist/bench/service-process.js')).href)
}

async function runBareLoop({ kafka }: Place, events: number): Promise<Run> {
  const child = spawn(process.execPath, [fromRoot('dist/bench/bare-loop.js'), kafka, topic, String(events)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let peakMb = 0
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, usageOf(child).peakMb)
  }, 200)
  for await (const line of createInterface({ input: child.stdout })) {
    clearInterval(watch)
    const { seconds, cpuSeconds } = JSON.parse(line) as { seconds: number; cpuSeconds: number }
    return { seconds, cpuSeconds, peakMb }
  }
  throw new Error('the bare loop ended without a figure')
}

async function runService(checkout: Checkout, place: Place, events: number, name: string): Promise<Run> {
  const config = readFileSync(checkout.fromRoot('bench/clicks.yaml'), 'utf8').replace(
    'CLICKS_AVSC',
    checkout.fromRoot('bench/clicks.avsc'),
  )
  const bed = await checkout.makeBed(place, name, config)
  const service = new checkout.ServiceProcess(bed, nodeFlags)
  try {
    await service.reaches('beckon_events_consumed_total', events)
    const consumedMs = performance.now()
    const seconds = (consumedMs - service.assignedMs) / 1000
    const { usage } = service
    const stored = async () =>
      Number((await selectOne<{ n: string }>(bed.client, 'SELECT count() AS n FROM events FINAL')).n)
    while ((await stored()) < events) await sleep(200)
    return { seconds, ...usage, storedAfter: (performance.now() - consumedMs) / 1000 }
  } finally {
    await service.end('SIGTERM')
    // The server would go on merging its parts while the next one is timed.
    await bed.client.command({
      query: 'DROP DATABASE {database:Identifier}',
      query_params: { database: databaseOf(name) },
    })
    await bed.client.close()
  }
}
