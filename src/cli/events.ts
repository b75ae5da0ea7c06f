/** `beckon events`: how the service reads the records of its input topics. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../config/schema.ts'
import type { Value } from '../events/event.ts'
import { createLogger } from '../ops/logger.ts'
import { recordDecoder } from '../tools/inspection/decode-record.ts'
import { findRecords } from '../tools/inspection/records.ts'
import { type SeenRecord, seenRecord } from '../tools/inspection/seen-record.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectLog, connectRegistryOf } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'
import { alignColumns, printable } from './table.ts'

interface EventsOptions {
  readonly config: string
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly show: number
  readonly unmasked?: true
  readonly json?: true
}

export function eventsCommand(): Command {
  return new Command('events')
    .description(
      'records of the input topics as the service reads them: events, statements, and dead letters with their reason',
    )
    .addOption(configOption())
    .addOption(new Option('-n, --show <n>', 'the newest N of each topic').argParser(parseCount).default(10))
    .option('--topic <name>', 'of that input topic alone')
    .option('--partition <p>', 'of that partition alone', parseWhole)
    .option('--offset <o>', 'of that partition the first N from there on, in place of the newest', parseWhole)
    .option('--unmasked', 'the values too, which are personal data; else of what kind they are')
    .option('--json', 'one JSON line a record')
    .action(showEvents)
}

const maxShown = 10_000

function parseCount(text: string): number {
  const count = parseWhole(text)
  if (count >= 1 && count <= maxShown) return count
  throw new InvalidArgumentError(`A whole number from 1 to ${maxShown}.`)
}

function parseWhole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('A whole number from 0.')
}

async function showEvents(options: EventsOptions): Promise<void> {
  const { config: file, partition, offset, show, unmasked = false, json } = options
  const engine = openEngine(file)
  const topics = topicsOf(engine.config, options)
  let registry: ReturnType<typeof connectRegistryOf>
  const decode = recordDecoder(engine, () => {
    registry ??= connectRegistryOf(engine.config)
    return registry
  })
  const log = await connectLog(engine.config, createLogger('silent'))
  try {
    for (const topic of topics) {
      if (partition !== undefined && partition >= (await log.partitionCount(topic))) {
        throw new CommandError(`${topic} has no partition ${partition}`, exitCode.usage)
      }
      const found = await findRecords(log, { topic, partition, fromOffset: offset, limit: show })
      if (found.length === 0 && !json) console.log(`no records in ${topic}`)
      for (const one of found) {
        const decoded = await decode(one.batch, one.i, Date.now())
        const seen = seenRecord(one, decoded, engine.enrich, unmasked)
        console.log(json ? JSON.stringify(seen) : formatSeen(seen))
      }
    }
  } finally {
    await log.close()
  }
}

function topicsOf({ topics }: Config, { topic, partition, offset }: EventsOptions): string[] {
  const names = topics.map(({ name }) => name)
  if (topic !== undefined && !names.includes(topic)) {
    throw new CommandError(`no input topic ${topic}: there are ${names.join(', ')}`, exitCode.usage)
  }
  if (offset !== undefined && partition === undefined) {
    throw new CommandError('an offset is one of a partition: say --partition too', exitCode.usage)
  }
  const asked = topic === undefined ? names : [topic]
  if (offset !== undefined && asked.length > 1) {
    throw new CommandError(`an offset is one of a topic: say --topic too, of ${names.join(', ')}`, exitCode.usage)
  }
  return asked
}

/** The record's place and what it is, then a line for each field. */
export function formatSeen(seen: SeenRecord): string {
  const { topic, partition, offset, is, reason, detail, type = '', time = '', event = {}, enrichment = {} } = seen
  const statement = { traits: time, consent: time, erasure: '', skipped: 'no value' }
  const what = { ...statement, event: `${time}  ${type}`, dead_letter: `${reason}: ${detail}` }[is]
  const head = printable(`${topic}-${partition}@${offset}  ${is.replace('_', ' ')}  ${what}`.trimEnd())
  const rows = [...Object.entries(event), ...Object.entries(enrichment)].map(([name, value]) => [
    '',
    name,
    plain(value),
  ])
  return rows.length === 0 ? head : `${head}\n${alignColumns(rows.map((row) => row.map(printable)))}`
}

/** On one line; an object as its entries. */
function plain(value: Value): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return text(value)
  return Object.entries(value)
    .map(([name, entry]) => `${name}: ${text(entry as Value)}`)
    .join(', ')
}

const text = (value: Value) => (typeof value === 'string' ? value : JSON.stringify(value))
