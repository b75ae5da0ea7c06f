import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { absenceHints } from '../config/absence-hints.ts'
import { consentHints } from '../config/consent-hints.ts'
import { ConfigError, formatFault } from '../config/fault.ts'
import { readConfig } from '../config/load.ts'
import { outcomeHints } from '../config/outcome-hints.ts'
import { propertyHints } from '../config/property-hints.ts'
import type { TopicConfig } from '../config/schema.ts'
import { typeHints } from '../config/type-hints.ts'
import { compileEngine, type Engine } from '../engine.ts'
import { settingsOf } from '../fold-settings.ts'
import { compare } from '../tools/changes/compare.ts'
import { changesJson } from '../tools/changes/format.ts'
import { definitionsOf } from '../tools/changes/version.ts'
import { type Earlier, printChanges, printTable, readRunning } from './against.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectStore } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'

interface Options {
  readonly config: string
  readonly against?: string
  readonly versions?: true
  readonly json?: true
}

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'list all faults of the configuration, with file and line; talks to nothing, but for --against running',
    )
    .addOption(configOption())
    .option('--versions', 'the version of each feature and action too, which --json always has')
    .option(
      '--against <file>',
      'what changes from that configuration; from the rules that run now, with the word running',
    )
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      try {
        await check(options)
      } catch (error) {
        if (!options.json || !(error instanceof ConfigError)) throw error
        console.log(JSON.stringify({ ok: false, faults: error.faults }))
        process.exitCode = exitCode.usage
      }
    })
}

async function check({ config: file, against, versions, json }: Options): Promise<void> {
  const loaded = readConfig(file, process.env)
  const engine = compileEngine(loaded)
  const { config, features, policy, rules } = engine
  const schemaOf = ({ schema }: TopicConfig) => (schema === undefined ? undefined : readFileSync(schema, 'utf8'))
  const found = [
    ...typeHints(config),
    ...propertyHints(config, schemaOf),
    ...absenceHints(config, features.features),
    ...consentHints(config),
    ...outcomeHints(config),
  ]
  const hints = found.map(({ path, message }) => loaded.source.fault(path, message))
  const counts = { topics: config.topics.length, features: features.features.length, actions: policy.names.length }
  const definitions = definitionsOf(rules)
  const before = against === undefined ? undefined : await openEarlier(against, engine)
  const changes = before && compare(before, { ...engine, settings: settingsOf(config) })
  if (json) {
    const compared = before && changes && { against: { policy: before.hash, ...changesJson(changes) } }
    const checked = { ok: true, faults: [], hints, ...counts, policy: policy.version }
    console.log(JSON.stringify({ ...checked, definitions, ...compared }))
    return
  }
  console.log(
    `ok: ${counts.topics} topics, ${counts.features} features, ${counts.actions} actions; policy ${policy.version}`,
  )
  for (const hint of hints) console.log(`hint: ${formatFault(hint)}`)
  if (versions) printTable(definitions.map(({ kind, name, version }) => [kind, name, version]))
  if (before && changes) printChanges(`against ${before.name}, policy ${before.hash}`, changes)
}

/** @throws ConfigError for a file; StoreError or CommandError if the running rules can't be read */
async function openEarlier(against: string, engine: Engine): Promise<Earlier> {
  if (against === 'running') return readNow(engine)
  const earlier = openEngine(against, '--against takes a file, or the word running for the rules that run now')
  return { ...earlier, name: against, hash: earlier.policy.version, settings: settingsOf(earlier.config) }
}

async function readNow(engine: Engine): Promise<Earlier> {
  const client = connectStore(engine.config)
  try {
    const running = await readRunning(client, engine)
    if (running !== undefined) return running
    throw new CommandError(`nothing has run yet on ${engine.config.clickhouse.database}: its table policies is empty`)
  } finally {
    await client.close()
  }
}
