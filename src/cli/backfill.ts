import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { readCompleteKinds } from '../complete-kinds.ts'
import type { Engine } from '../engine.ts'
import type { ClickHouseClient } from '../store/clickhouse/client.ts'
import { type PartitionProgress, readProgress } from '../store/clickhouse/event-history.ts'
import { readRunningPolicy } from '../store/clickhouse/policies.ts'
import { bar } from '../tools/replay/progress.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectStore } from './connect.ts'
import { alignColumns } from './table.ts'

export function backfillCommand(): Command {
  return new Command('backfill')
    .description('how far the running service is with computing new features from the events, until it is done')
    .addOption(configOption())
    .option('--json', 'a JSON object each second, the last one with "complete": true')
    .action(async ({ config: file, json }: { config: string; json?: true }) => {
      const engine = openEngine(file)
      const client = connectStore(engine.config)
      try {
        await warnWhereOthersRun(client, engine, file)
        if (json) await follow(client, engine, 1_000, (progress) => console.log(JSON.stringify(toJson(progress))))
        else if (process.stdout.isTTY) await draw(client, engine)
        else await follow(client, engine, 5_000, (progress) => console.log(totalLine(progress)))
      } finally {
        await client.close()
      }
    })
}

/** Redraws the progress in place. */
async function draw(client: ClickHouseClient, engine: Engine): Promise<void> {
  let lines = 0
  await follow(client, engine, 1_000, (progress) => {
    const text = formatProgress(progress)
    process.stdout.write(`${lines > 0 ? `\u001b[${lines}A` : ''}\u001b[J${text}\n`)
    lines = text.split('\n').length
  })
}

/** Looks at intervals until everything is ready. */
async function follow(
  client: ClickHouseClient,
  engine: Engine,
  everyMs: number,
  tell: (progress: readonly PartitionProgress[]) => void,
): Promise<void> {
  for (;;) {
    const progress = await look(client, engine)
    tell(progress)
    if (totalOf(progress).pending === 0) return
    await sleep(everyMs)
  }
}

/**
 * Progress towards the configuration's rules, whether they run yet or not. Else everything would seem done before the service
 * starts with them.
 */
async function look(client: ClickHouseClient, engine: Engine): Promise<PartitionProgress[]> {
  return readProgress(client, await readCompleteKinds(client, engine))
}

async function warnWhereOthersRun(client: ClickHouseClient, engine: Engine, file: string): Promise<void> {
  const running = await readRunningPolicy(client)
  if (running?.hash === engine.policy.version) return
  const why =
    running === undefined ? 'no rules ever ran here' : `the service that started last has other rules than ${file}`
  console.error(`beckon backfill: ${why}; what these lack is computed once it starts with them`)
}

function totalOf(progress: readonly PartitionProgress[]): Pick<PartitionProgress, 'customers' | 'pending'> {
  const sum = (of: (one: PartitionProgress) => number) => progress.reduce((total, one) => total + of(one), 0)
  return { customers: sum(({ customers }) => customers), pending: sum(({ pending }) => pending) }
}

type Counts = Pick<PartitionProgress, 'customers' | 'pending'>
const shareOf = ({ customers, pending }: Counts) => (customers === 0 ? 1 : 1 - pending / customers)
const percentOf = (counts: Counts) => `${Math.floor(shareOf(counts) * 100)} %`
const readyOf = ({ customers, pending }: Counts) =>
  [customers - pending, customers].map((n) => n.toLocaleString('en-US'))

function totalLine(progress: readonly PartitionProgress[]): string {
  const total = totalOf(progress)
  const [ready, all] = readyOf(total)
  return `${percentOf(total)}: ${ready} of ${all} customers ready`
}

/** A bar for each partition, and one for all together. */
export function formatProgress(progress: readonly PartitionProgress[]): string {
  const line = (name: string, counts: Counts) => {
    const [ready, all] = readyOf(counts)
    return [name, `${bar(shareOf(counts))}${percentOf(counts).padStart(5)}`, `${ready} of ${all} customers ready`]
  }
  return alignColumns([
    ...progress.map((one) => line(`partition ${one.partition}`, one)),
    line('all', totalOf(progress)),
  ])
}

function toJson(progress: readonly PartitionProgress[]): object {
  const total = totalOf(progress)
  return { ...total, complete: total.pending === 0, partitions: progress }
}
