/** `beckon dlq`: shows what is in the dead-letter topic, and sends it back to where it came from. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { readsTimestamp } from '../config/topic-mapping.ts'
import { reasons } from '../ingest/rejected.ts'
import type { Log } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { type Listed, type Listing, listDeadLetters } from '../tools/dead-letters/list.ts'
import { type Redriven, type Refusal, redrive } from '../tools/dead-letters/redrive.ts'
import { configOption } from './config-option.ts'
import { connectLog } from './connect.ts'
import { alignColumns, printable } from './table.ts'

interface DlqOptions {
  readonly config: string
  readonly limit: number
  readonly reason?: string
  readonly json?: true
}

export function dlqCommand(): Command {
  const dlq = new Command('dlq').description('the dead letters: records that could not be used')

  dlq
    .command('list')
    .description('the newest dead letters with their reasons; without keys and values, which are personal data')
    .addOption(configOption())
    .addOption(limitOption('the newest N').default(20))
    .addOption(reasonOption())
    .option('--show-values', 'keys and values too, as Base64')
    .option('--json', 'one JSON object')
    .action(({ config: file, limit, reason, showValues = false, json }: DlqOptions & { showValues?: boolean }) =>
      withLog(file, async (log, { output }) => {
        const topic = output.dead_letters
        const listing = await listDeadLetters(log, { topic, limit, reason, withValues: showValues })
        const counts = Object.fromEntries(listing.reasons)
        if (json) console.log(JSON.stringify({ topic, reasons: counts, dead_letters: listing.newest }))
        else console.log(formatListing(topic, listing))
      }),
    )

  dlq
    .command('redrive')
    .description('publish the original records again to the topics that they came from, those not redriven before')
    .addOption(configOption())
    .addOption(limitOption('at most N').default(Number.POSITIVE_INFINITY, 'all'))
    .addOption(reasonOption())
    .option('--dry-run', 'only say how many')
    .option('--json', 'one JSON object')
    .action(({ config: file, limit, reason, dryRun = false, json }: DlqOptions & { dryRun?: boolean }) =>
      withLog(file, async (log, { kafka, topics, output }) => {
        const result = await redrive(log, {
          topic: output.dead_letters,
          group: kafka.group,
          inputs: topics.map(({ name }) => name),
          timed: topics.filter(readsTimestamp).map(({ name }) => name),
          reason,
          limit,
          dryRun,
        })
        if (json) console.log(JSON.stringify({ topic: output.dead_letters, dry_run: dryRun, ...result }))
        else console.log(formatRedriven(result, dryRun))
      }),
    )

  return dlq
}

const limitOption = (what: string) => new Option('-n, --limit <n>', what).argParser(parseLimit)
const reasonOption = () => new Option('-r, --reason <reason>', 'those of one reason').choices(reasons)

function parseLimit(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('A limit is a whole number from 1.')
}

async function withLog(file: string, work: (log: Log, config: Config) => Promise<void>): Promise<void> {
  const { config } = loadConfig(file, process.env)
  const log = await connectLog(config, createLogger('silent'))
  try {
    await work(log, config)
  } finally {
    await log.close()
  }
}

export function formatListing(topic: string, { reasons: counts, newest }: Listing): string {
  if (counts.size === 0) return `no dead letters in ${topic}`
  const byCount = [...counts].sort(([, a], [, b]) => b - a)
  const summary = alignColumns(byCount.map(([reason, n]) => [printable(reason) || '(none)', String(n)]))
  const head = ['time', 'reason', 'from', 'bytes', 'schema', 'redriven', 'detail']
  return `${summary}\n\n${alignColumns([head, ...newest.map(cells)])}`
}

function cells(letter: Listed): string[] {
  const { from, timeMs, schemaId, valueBytes, cut, redriven, reason, detail, key, value } = letter
  return [
    timeMs === 0 ? '-' : new Date(timeMs).toISOString(),
    printable(reason),
    from === undefined ? '-' : printable(`${from.topic}-${from.partition}@${from.offset}`),
    `${valueBytes}${cut ? ' (cut)' : ''}`,
    String(schemaId ?? '-'),
    String(redriven),
    printable(detail),
    ...(value === undefined ? [] : [`key ${key ?? 'null'}`, `value ${value ?? 'null'}`]),
  ]
}

const refusals: Readonly<Record<Refusal, string>> = {
  cut: 'are cut, since they were too large, or too many at once: the producer has to send them again',
  loop: 'have been redriven three times already: mend their cause first, and have the producer send them again',
  foreign: 'do not say that they came from an input topic of this configuration',
}

export function formatRedriven({ redriven, refused }: Redriven, dryRun: boolean): string {
  const lines = [`${redriven} ${dryRun ? 'would be redriven' : 'redriven'}`]
  for (const [refusal, why] of Object.entries(refusals)) {
    const n = refused[refusal as Refusal]
    if (n > 0) lines.push(`${n} stay: they ${why}`)
  }
  return lines.join('\n')
}
