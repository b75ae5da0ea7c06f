import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { LogError } from '../log/log.ts'
import { createLogger } from '../ops/logger.ts'
import type { ClickHouseClient } from '../store/clickhouse/client.ts'
import { KafkaProbe } from '../tools/doctor/kafka/probe.ts'
import { createErasureStore } from '../tools/erasure/clickhouse/erasure-store.ts'
import { ErasureFault, eraseCustomer, type Rows, type Waiting } from '../tools/erasure/erase.ts'
import { configOption } from './config-option.ts'
import { connectLog, connectStore, largeTableMs } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'
import { kafkaOptions } from './kafka-options.ts'
import { alignColumns } from './table.ts'

const lookMs = 500
/** A topic that still holds records of the customer. */
export interface Remaining {
  readonly topic: string
  readonly holds: string
  /** ms. null: this user may not ask. -1: for ever. */
  readonly retentionMs: number | null
}

export function eraseCommand(): Command {
  return new Command('erase')
    .description(
      'erase a customer: profile, timers, events, decisions, actions and cases; the running service takes part',
    )
    .argument('<id>', 'the customer')
    .addOption(configOption())
    .option('--json', 'one JSON object')
    .action(async (customer: string, { config: file, json }: { config: string; json?: true }) => {
      const { config } = loadConfig(file, process.env)
      const topics = config.topics.filter(({ tombstones }) => tombstones === 'erase').map(({ name }) => name)
      if (topics.length === 0) {
        const mend = 'set tombstones: erase and key: customer for the topics, and restart the service'
        throw new CommandError(`no topic of ${file} takes an erasure: ${mend}`, exitCode.usage)
      }
      const client = connectStore(config, largeTableMs)
      try {
        const rows = await erase(config, client, topics, customer)
        const remaining = await findRemaining(config, topics)
        if (json) console.log(JSON.stringify(toJson(rows, remaining)))
        else console.log(formatErased(rows, remaining))
      } finally {
        await client.close()
      }
    })
}

async function erase(
  config: Config,
  client: ClickHouseClient,
  topics: readonly string[],
  customer: string,
): Promise<Rows> {
  const log = await connectLog(config, createLogger('silent'))
  try {
    const onWaiting = (waiting: readonly Waiting[]) => console.error(formatWaiting(waiting))
    return await eraseCustomer(log, createErasureStore(client), { topics, customer, lookMs, onWaiting })
  } catch (error) {
    if (error instanceof ErasureFault) throw new CommandError(error.message)
    throw error
  } finally {
    await log.close()
  }
}

/** Records that only Kafka's retention removes. */
async function findRemaining(config: Config, topics: readonly string[]): Promise<Remaining[]> {
  const { output } = config
  const probe = await KafkaProbe.open(kafkaOptions(config))
  const retentionOf = async (topic: string): Promise<number | null> => {
    try {
      return Number((await probe.settings(topic)).get('retention.ms') ?? -1)
    } catch (error) {
      if (error instanceof LogError) return null
      throw error
    }
  }
  const holds = new Map(topics.map((topic) => [topic, 'the events, and who was erased']))
  holds.set(output.actions, 'the actions')
  holds.set(output.dead_letters, 'records that could not be used')
  holds.set(output.journal, 'who had timers that fired, or features computed')
  try {
    return await Promise.all(
      [...holds].map(async ([topic, what]) => ({ topic, holds: what, retentionMs: await retentionOf(topic) })),
    )
  } finally {
    await probe.close()
  }
}

const toJson = (rows: Rows, remaining: readonly Remaining[]) => ({
  erased: rows,
  remaining: remaining.map(({ topic, holds, retentionMs }) => ({ topic, holds, retention_ms: retentionMs })),
})

export function formatErased(rows: Rows, remaining: readonly Remaining[]): string {
  const counts = Object.entries(rows).map(([table, n]) => [table, n.toLocaleString('en-US')])
  const kept = remaining.map(({ topic, holds, retentionMs }) => [topic, retentionText(retentionMs), holds])
  return [
    alignColumns([['erased', 'rows'], ...counts]),
    alignColumns([['left in Kafka', 'kept', 'holds'], ...kept]),
  ].join('\n\n')
}

function retentionText(ms: number | null): string {
  if (ms === null) return 'unknown'
  if (ms < 0) return 'for ever'
  const days = ms / 86_400_000
  return days < 1 ? `${Math.round(days * 24)} h` : `${Math.round(days)} d`
}

export function formatWaiting(waiting: readonly Waiting[]): string {
  return waiting
    .map(({ topic, partition, offset, storedOffset, moves }) => {
      const hint = moves ? '' : '; it does not move: does the service run, and is it ready (/readyz)?'
      return `waiting for ${topic}, partition ${partition}: stored up to ${storedOffset}, the erasure is at ${offset}${hint}`
    })
    .join('\n')
}
