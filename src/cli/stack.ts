/** `beckon stack`: a real Kafka, ClickHouse and Schema Registry on this machine without Docker. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { localUser, passwordFile, readPassword } from '../store/clickhouse/local-access.ts'
import { type BrokerCount, brokerCounts } from '../tools/stack/kafka/broker.ts'
import type { ServiceName } from '../tools/stack/part.ts'
import { defaultPorts } from '../tools/stack/parts.ts'
import { type PartStatus, stackStatus, startStack, stopStack } from '../tools/stack/stack.ts'
import { StackError } from '../tools/stack/stack-error.ts'
import { CommandError, exitCode } from './exit.ts'

const defaultDir = '.beckon/stack'

interface UpOptions {
  readonly dir: string
  readonly brokers?: BrokerCount
  readonly kafkaPort?: number
  readonly clickhousePort?: number
  readonly registryPort?: number
  readonly registry?: boolean
  readonly json?: boolean
}

export function stackCommand(): Command {
  // Sub-commands inherit this override, so that a wrong option ends with the exit code for wrong usage.
  const stack = new Command('stack')
    .description('a real Kafka and a real ClickHouse on this machine, without Docker')
    .exitOverride()

  withCommonOptions(stack.command('up'))
    .description('start what is not up yet, and wait until it answers')
    .option('--brokers <n>', 'a Kafka of 1 broker, or a cluster of 3 (1, or as many as it has)', parseBrokers)
    .option('--kafka-port <port>', 'port of Kafka, the first of those of a cluster (9092, or as last)', parsePort)
    .option('--clickhouse-port <port>', "port of ClickHouse's HTTP (8123, or the one it had last)", parsePort)
    .option('--registry-port <port>', 'port of the registry (8081, or the one it had last)', parsePort)
    .option('--registry', 'start a Schema Registry too')
    .action((options: UpOptions) => reporting(() => up(options)))

  withCommonOptions(stack.command('down'))
    .description('stop all parts; their data stays')
    .option('--wipe', 'remove the data too')
    .action((options: { dir: string; wipe?: boolean; json?: boolean }) =>
      reporting(async () => {
        const stopped = await stopStack({ dir: options.dir, wipe: options.wipe ?? false, onStep: say })
        if (options.json) print(JSON.stringify({ stopped, wiped: options.wipe ?? false }))
        else if (stopped.length === 0) say('nothing was up')
      }),
    )

  withCommonOptions(stack.command('status'))
    .description('each part with its process, port, version, and whether it answers')
    .action((options: { dir: string; json?: boolean }) =>
      reporting(async () => {
        const parts = await stackStatus({ dir: options.dir })
        print(options.json ? JSON.stringify({ parts }) : statusTable(parts))
      }),
    )

  return stack
}

async function up(options: UpOptions): Promise<void> {
  const before = await stackStatus({ dir: options.dir })
  const lastPort = (name: ServiceName) => before.find(({ part }) => part === name)?.port ?? defaultPorts[name]
  const wantsRegistry = options.registry === true || options.registryPort !== undefined
  const addresses = await startStack({
    dir: options.dir,
    brokers: options.brokers,
    ports: {
      kafka: options.kafkaPort ?? lastPort('kafka'),
      clickhouse: options.clickhousePort ?? lastPort('clickhouse'),
      ...(wantsRegistry && { registry: options.registryPort ?? lastPort('registry') }),
    },
    onStep: say,
  })
  const folder = resolve(options.dir, 'clickhouse')
  const login = readPassword(folder) ? { user: localUser, password_file: passwordFile(folder) } : undefined
  if (options.json) return print(JSON.stringify({ ...addresses, ...(login && { clickhouse_login: login }) }))
  for (const [name, address] of Object.entries(addresses)) print(`${name.padEnd(10)}  ${address}`)
  if (login)
    print(`${''.padEnd(10)}  user ${login.user}, password in ${login.password_file}; beckon's commands find it`)
  else say('clickhouse asks for no password: an earlier version started it; beckon stack down, then up, gives it one')
}

function statusTable(parts: readonly PartStatus[]): string {
  const rows = parts.map(({ part, state, pid, port, version }) =>
    [
      part.padEnd(10),
      state.padEnd(7),
      `pid ${pid ?? '-'}`.padEnd(11),
      `port ${port ?? '-'}`.padEnd(10),
      version ?? '-',
    ].join('  '),
  )
  return rows.join('\n')
}

function withCommonOptions(command: Command): Command {
  return command
    .option('--dir <folder>', `where the data and the processes' records lie`, defaultDir)
    .option('--json', 'print one JSON line')
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new InvalidArgumentError('A port is a number from 1 to 65535.')
}

function parseBrokers(text: string): BrokerCount {
  const found = brokerCounts.find((count) => String(count) === text)
  if (found === undefined) throw new InvalidArgumentError(`It is ${brokerCounts.join(' or ')}.`)
  return found
}

/** Reports faults of the stack in words, with the right exit code. */
async function reporting(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StackError)) throw error
    throw new CommandError(error.message, error.code === 'usage' ? exitCode.usage : exitCode.failed)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
