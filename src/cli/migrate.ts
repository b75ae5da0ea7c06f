import { Command, InvalidArgumentError } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { type Log, LogError, type NewTopic } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import { migrate } from '../store/clickhouse/migrate.ts'
import { configOption } from './config-option.ts'
import { connectLog } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'

interface Options {
  readonly config: string
  readonly dryRun?: boolean
  readonly topics?: boolean
  readonly partitions?: number
  readonly replicas?: number
  readonly json?: boolean
}

/** For topics that we create, if no input topic exists to go by. */
const defaultPartitions = 6

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('create the database, and bring its tables up to date')
    .addOption(configOption())
    .option('--dry-run', 'only say what would be done')
    .option('--topics', 'create the topics that are missing too; those that exist are left alone')
    .option('--partitions <n>', `of new topics: as the input topics that exist, else ${defaultPartitions}`, parseCount)
    .option('--replicas <n>', "of new topics: the brokers' default", parseCount)
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      const { config } = loadConfig(options.config, process.env)
      const say = options.json ? () => {} : (line: string) => console.log(line)
      const tables = await migrateTables(config, options, say)
      const topics = options.topics ? await migrateTopics(config, options, say) : undefined
      if (options.json) console.log(JSON.stringify({ dry_run: options.dryRun ?? false, ...tables, ...topics }))
    })
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Give a whole number from 1.')
}

async function migrateTables({ clickhouse }: Config, { dryRun = false }: Options, say: (line: string) => void) {
  const { database } = clickhouse
  const migrations: string[] = []
  await migrate({
    clickhouse,
    dryRun,
    onStep: ({ number, name }) => {
      const migration = `${String(number).padStart(4, '0')}_${name}`
      migrations.push(migration)
      say(`${dryRun ? 'would apply' : 'applying'} ${migration}`)
    },
  })
  if (migrations.length === 0) say(`the tables of ${database} are up to date`)
  return { database, migrations }
}

async function migrateTopics(config: Config, options: Options, say: (line: string) => void) {
  const { dryRun = false, replicas } = options
  const log = await connectLog(config, createLogger('silent'))
  try {
    const inputs = config.topics.map(({ name }) => name)
    const { actions, dead_letters: deadLetters, journal, rules } = config.output
    const wanted = [...inputs, actions, deadLetters, journal, rules]
    const counts = new Map<string, number | undefined>()
    for (const topic of wanted) counts.set(topic, await partitionsOf(log, topic))
    const partitions = partitionsFor(
      inputs.flatMap((topic) => counts.get(topic) ?? []),
      options.partitions,
    )
    const missing = wanted.filter((topic) => counts.get(topic) === undefined)
    const shapeOf = (topic: string) => (topic === rules ? rulesShape : { partitions })
    const made = missing.map((topic): NewTopic => ({ topic, ...shapeOf(topic), ...(replicas ? { replicas } : {}) }))
    if (made.length > 0 && !dryRun) await log.createTopics(made)
    for (const [topic, count] of counts) {
      if (count !== undefined) say(`topic ${topic} exists with ${countText(count)}`)
      else say(`${dryRun ? 'would create' : 'created'} topic ${topic} with ${countText(shapeOf(topic).partitions)}`)
    }
    return { topics_created: missing, partitions }
  } finally {
    await log.close()
  }
}

/** One order for all that is deployed; what is deployed stays, and only the newest rules of each group. */
const rulesShape = { partitions: 1, config: { 'cleanup.policy': 'compact' } }

const countText = (partitions: number) => `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`

/** The input topics must be co-partitioned, so existing ones decide. */
function partitionsFor(existing: readonly number[], asked: number | undefined): number {
  const [found] = existing
  if (found === undefined) return asked ?? defaultPartitions
  if (asked === undefined || asked === found) return found
  const why = `an input topic has ${found} partitions already, and all must have the same number`
  throw new CommandError(`${why}: leave --partitions out`, exitCode.usage)
}

async function partitionsOf(log: Log, topic: string): Promise<number | undefined> {
  try {
    return await log.partitionCount(topic)
  } catch (error) {
    if (error instanceof LogError && error.code === 'unknown_topic') return undefined
    throw error
  }
}
