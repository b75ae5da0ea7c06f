import { Command, InvalidArgumentError } from 'commander'
import { journalCodec } from '../journal/journal.ts'
import { createLogger } from '../ops/logger.ts'
import { journalSchemas } from '../schema-files.ts'
import { createStoryStore } from '../tools/explain/clickhouse/story-store.ts'
import { Deciders } from '../tools/explain/deciders.ts'
import { type Asked, explain } from '../tools/explain/explain.ts'
import { formatExplanation } from '../tools/explain/format.ts'
import { toJson } from '../tools/explain/to-json.ts'
import { parseMoment } from '../tools/training/asked.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectLog, connectStore, largeTableMs } from './connect.ts'
import { CommandError } from './exit.ts'
import { printable } from './table.ts'

interface Options {
  readonly config: string
  readonly at?: number
  readonly json?: true
}

export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'why a customer got an action, or nothing: each candidate, and the smallest change that lets it through',
    )
    .argument('<id>', 'an action, or a customer: then the last decision about them')
    .addOption(configOption())
    .option(
      '--at <time>',
      'of a customer the last decision at or before that time (ISO 8601, or ms since 1970)',
      parseTime,
    )
    .option('--json', 'one JSON object')
    .action(explainOne)
}

function parseTime(text: string): number {
  const ms = parseMoment(text)
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Give a time in ISO 8601, such as 2026-01-31T12:00:00Z, or in ms.')
  return ms
}

async function explainOne(id: string, { config: file, at, json }: Options): Promise<void> {
  const engine = openEngine(file)
  const { config } = engine
  const client = connectStore(config, largeTableMs)
  const log = await connectLog(config, createLogger('silent'))
  try {
    const journal = { log, topic: config.output.journal, codec: journalCodec(config.output.journal, journalSchemas()) }
    const store = createStoryStore(client)
    const deps = { store, journal, deciders: new Deciders(engine, store) }
    const ofCustomer: Asked = { customer: id, atMs: at ?? Number.POSITIVE_INFINITY }
    const isId = at === undefined && /^[0-9a-f]{32}$/.test(id)
    const found = (isId ? await explain(deps, { actionId: id }) : undefined) ?? (await explain(deps, ofCustomer))
    if (found === undefined) {
      const { database } = config.clickhouse
      throw new CommandError(
        `neither an action nor a decision about a customer ${printable(id)} in ${database}: never seen, erased, or not written yet`,
      )
    }
    if (!('decision' in found)) throw new CommandError(`it can't be explained: ${found.detail}`)
    if (json) console.log(JSON.stringify(toJson(found)))
    else console.log(formatExplanation(found).map(printable).join('\n'))
    if (found.candidates === undefined) throw new CommandError('it could not be derived again: see what is missing')
  } finally {
    await log.close()
    await client.close()
  }
}
