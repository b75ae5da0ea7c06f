import { Command, InvalidArgumentError } from 'commander'
import { readCompleteKinds } from '../complete-kinds.ts'
import type { Value } from '../events/event.ts'
import { createParityReader } from '../parity/clickhouse/reader.ts'
import { checkParity } from '../parity/parity.ts'
import { type FeatureTally, summarize } from '../parity/tally.ts'
import type { AsOf } from '../sql/aggregate-query.ts'
import { featureQueries, type Untold } from '../sql/features.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectStore, largeTableMs } from './connect.ts'
import { CommandError } from './exit.ts'
import { alignColumns, printable } from './table.ts'

interface Options {
  readonly config: string
  readonly sample?: number
  readonly show?: true
  readonly sql?: true
  readonly asOf?: number | 'now'
  readonly json?: true
}

export function parityCommand(): Command {
  return new Command('parity')
    .description('compare the features in the profiles with SQL over the events, both in ClickHouse')
    .addOption(configOption())
    .option('--sample <n>', 'so many customers by chance, instead of all', parseCount)
    .option('--show', 'up to three customers for each feature that differs: personal data')
    .option('--sql', 'only print the SQL of the features, over all customers')
    .option(
      '--as-of <time>',
      "with --sql: as of that moment, or `now`, instead of each customer's stream time",
      parseTime,
    )
    .option('--json', 'a JSON object a feature, and one of all of them last')
    .action(async (options: Options) => {
      if (options.sql) printSql(options)
      else await check(options)
    })
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a whole number from 1 to 9,999,999.')
}

function parseTime(text: string): number | 'now' {
  if (text === 'now') return text
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('Give a time in ISO 8601, such as 2026-01-31T12:00:00Z, or now.')
  return ms
}

function printSql({ config: file, asOf: asked }: Options): void {
  const asOf: AsOf = asked ?? 'stream_time'
  const { config, features } = openEngine(file)
  const { queries, untold } = featureQueries(config.features, features, config.enrich.session.idle)
  const moment = asOf === 'now' ? 'now64(3)' : `fromUnixTimestamp64Milli(toInt64(${asOf}))`
  const until = asOf === 'stream_time' ? '' : ` AND time <= ${moment}`
  for (const { text } of queries)
    console.log(`${text(`SELECT * FROM events FINAL WHERE NOT duplicate${until}`, asOf)};`)
  for (const { name, reason } of untold) console.error(`${name} has no SQL: ${reason}`)
}

async function check({ config: file, sample, show, json }: Options): Promise<void> {
  const engine = openEngine(file)
  const { config, features, policy } = engine
  const queries = featureQueries(config.features, features, config.enrich.session.idle)
  const client = connectStore(config, largeTableMs)
  const isWatched = process.stderr.isTTY && !json
  try {
    const complete = await readCompleteKinds(client, engine)
    const tallies = await checkParity(
      queries,
      createParityReader(client, policy.version, async () => complete),
      {
        ...(sample === undefined ? {} : { sample: { count: sample, seed: Date.now() } }),
        onProgress: (customers) => {
          if (isWatched) process.stderr.write(`\r${customers.toLocaleString('en-US')} customers\u001b[K`)
        },
      },
    )
    if (isWatched) process.stderr.write('\r\u001b[K')
    report(tallies, queries.untold, show ?? false, json ?? false)
    const { compared, different } = summarize(tallies)
    if (compared === 0) throw new CommandError(`nothing to compare: no profiles or no features`)
    if (different > 0) throw new CommandError(`${different} values differ${show ? '' : '; --show names customers'}`)
  } finally {
    await client.close()
  }
}

function report(tallies: readonly FeatureTally[], untold: readonly Untold[], show: boolean, json: boolean): void {
  const summary = summarize(tallies)
  if (json) {
    for (const { withinBound, examples, ...tally } of tallies) {
      console.log(JSON.stringify({ ...tally, within_bound: withinBound, ...(show ? { examples } : {}) }))
    }
    for (const { name, reason } of untold) console.log(JSON.stringify({ feature: name, untold: reason }))
    console.log(JSON.stringify({ ...summary, untold: untold.length }))
    return
  }
  const head = ['feature', 'compared', 'equal', 'within bound', 'different', 'worst']
  const rows = tallies.map(({ feature, compared, equal, withinBound, different, worst }) =>
    [feature, compared, equal, withinBound, different, Number(worst.toPrecision(3))].map(String),
  )
  const { compared, equal, within_bound: withinBound, different, worst } = summary
  const all = ['all', compared, equal, withinBound, different, Number(worst.toPrecision(3))].map(String)
  console.log(alignColumns([head, ...rows, all]))
  for (const { name, reason } of untold) console.log(`${name} has no SQL: ${reason}`)
  if (!show) return
  for (const { feature, examples } of tallies) {
    for (const { customer, streamed, computed } of examples) {
      console.log(`${feature} of ${printable(customer)}: profile ${shown(streamed)}, SQL ${shown(computed)}`)
    }
  }
}

const shown = (value: Value) => printable(JSON.stringify(value))
