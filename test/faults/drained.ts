import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { type Log, partitionKey } from '../../src/log/log.ts'

/** Workers that make no progress for so long will make none; a rebalance takes less, on a busy machine too. */
export const stillMs = 180_000

export interface Draining {
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  readonly group: string
  readonly topics: readonly string[]
  readonly partitions: number
  /** How often a partition was opened so far, which is progress too. */
  readonly opened: () => number
}

/** Waits until nothing is left, as long as there is progress; false where it ends before. */
export async function whenDrained(of: Draining): Promise<boolean> {
  let least = Number.POSITIVE_INFINITY
  let opened = 0
  for (let lastMs = Date.now(); Date.now() - lastMs < stillMs; await sleep(500)) {
    // A server that does not answer yet is asked again.
    const left = await countLeft(of).catch(() => least)
    if (left === 0) return true
    if (left < least || of.opened() > opened) lastMs = Date.now()
    least = Math.min(least, left)
    opened = of.opened()
  }
  return false
}

/** By how many offsets the group's commits and the checkpoints are behind the ends of the input. */
async function countLeft({ log, clickhouse, group, topics, partitions }: Draining): Promise<number> {
  const checkpoints = await checkpointOffsets(clickhouse)
  let left = 0
  for (const topic of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const { high } = await log.offsets(topic, partition)
      const [committed] = await log.committedOffsets(group, [topic], partition)
      left += high - (committed?.offset ?? 0) + high - (checkpoints.get(partitionKey({ topic, partition })) ?? 0)
    }
  }
  return left
}

async function checkpointOffsets(clickhouse: ClickHouseClient): Promise<Map<string, number>> {
  const result = await clickhouse.query({
    query: `SELECT partition, JSONExtract(argMax(state, version), 'offsets', 'Map(String, UInt64)')
            FROM profiles WHERE customer = '' GROUP BY partition`,
    format: 'JSONCompactEachRow',
  })
  const rows = await result.json<[number, Record<string, string>]>()
  return new Map(
    rows.flatMap(([partition, offsets]) =>
      Object.entries(offsets).map(([topic, offset]) => [partitionKey({ topic, partition }), Number(offset)] as const),
    ),
  )
}
