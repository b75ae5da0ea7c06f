import { Command } from 'commander'
import { ConfigError } from '../config/fault.ts'
import { type Engine, withRules } from '../engine.ts'
import { ownVersion, settingsOf } from '../fold-settings.ts'
import { type Log, LogError } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { encodeRules, Refused, withdrawn } from '../rules/deployed.ts'
import { RulesTopic } from '../rules/topic.ts'
import type { ClickHouseClient } from '../store/clickhouse/client.ts'
import { readPolicy } from '../store/clickhouse/policies.ts'
import { compare } from '../tools/changes/compare.ts'
import { changesJson } from '../tools/changes/format.ts'
import { type Earlier, printChanges, readRunning } from './against.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectLog, connectStore } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'

interface Options {
  readonly config: string
  readonly version?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function deployCommand(): Command {
  return new Command('deploy')
    .description('check the rules of the configuration and publish them: all workers take them, without a restart')
    .addOption(configOption())
    .option('--version <hash>', "in place of the file's rules those of a policy that ran before")
    .option('--dry-run', 'only say what would change')
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      try {
        await deploy(options)
      } catch (error) {
        if (!options.json || !(error instanceof ConfigError)) throw error
        console.log(JSON.stringify({ ok: false, faults: error.faults }))
        process.exitCode = exitCode.usage
      }
    })
}

async function deploy({ config: file, version, dryRun = false, json = false }: Options): Promise<void> {
  const engine = openEngine(file)
  const client = connectStore(engine.config)
  const log = await connectLog(engine.config, createLogger('silent')).catch(async (error) => {
    await client.close()
    throw error
  })
  try {
    const ruled = version === undefined ? engine : await earlierRules(client, engine, version)
    const policy = ruled.policy.version
    const { live, deployed } = await readLive(log, client, engine)
    const isNew = deployed !== policy
    const changes = live && compare(live, { ...ruled, settings: settingsOf(engine.config) })
    if (!json && live && changes) {
      printChanges(`against ${live.name}, policy ${live.hash}`, changes)
      if (changes.settings.some(({ key }) => !key.startsWith('arbitration.'))) {
        console.log('only rules are deployed: settings hold from the next start with this file')
      }
    }
    if (isNew && !dryRun) await publish(log, engine, ruled)
    if (json) {
      const against = live && changes && { against: { policy: live.hash, ...changesJson(changes) } }
      console.log(JSON.stringify({ ok: true, policy, deployed: isNew && !dryRun, dry_run: dryRun, ...against }))
    } else if (!isNew) console.log(`policy ${policy} is deployed already`)
    else console.log(`${dryRun ? 'would deploy' : 'deployed'} policy ${policy}`)
  } finally {
    await log.close()
    await client.close()
  }
}

async function earlierRules(client: ClickHouseClient, engine: Engine, version: string): Promise<Engine> {
  const text = await readPolicy(client, version)
  if (text === undefined) throw new CommandError(`the table policies has no ${version}`, exitCode.usage)
  const ruled = withRules(engine, text)
  if (ruled?.policy.version === version) return ruled
  throw new CommandError(`this version of beckon does not take policy ${version}`, exitCode.usage)
}

interface Live {
  /** What decides now, or will as soon as a worker looks; undefined where nothing was deployed and nothing has run. */
  readonly live: Earlier | undefined
  /** The policy that was deployed last. */
  readonly deployed: string | undefined
}

/** @throws LogError, StoreError, CommandError */
async function readLive(log: Log, client: ClickHouseClient, engine: Engine): Promise<Live> {
  const { kafka, output } = engine.config
  const records = await new RulesTopic(log, output.rules, kafka.group).read().catch((error) => {
    if (!(error instanceof LogError) || error.code !== 'unknown_topic') throw error
    throw new CommandError(
      `there is no topic ${output.rules}, or this user may not describe it: beckon migrate --topics creates it`,
    )
  })
  const running = await readRunning(client, engine).catch((error) => {
    // Rules of another version that run: what is deployed now may be the mend.
    if (error instanceof CommandError) return undefined
    throw error
  })
  const [newest] = records
  if (newest === undefined || newest === withdrawn || newest instanceof Refused) {
    return { live: running, deployed: undefined }
  }
  const { policy, text } = newest
  const earlier = withRules(engine, text)
  if (earlier === undefined) return { live: running, deployed: policy }
  return {
    live: { ...earlier, name: 'what was deployed last', hash: policy, settings: running?.settings },
    deployed: policy,
  }
}

async function publish(log: Log, { config }: Engine, { policy, policyText }: Engine): Promise<void> {
  const deployed = { policy: policy.version, text: policyText, madeBy: ownVersion() }
  await log.append([encodeRules(config.output.rules, config.kafka.group, deployed)])
}
