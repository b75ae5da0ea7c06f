/** Checks of the stream: the group, its transactions, the producers' transactions, and how far behind the group is. */
import { LogError } from '../../log/log.ts'
import { fail, ok, type Verdict, warn } from './check.ts'
import { inputs, outputs } from './topics.ts'
import type { World } from './world.ts'

export async function checkGroup(world: World): Promise<Verdict> {
  const { group } = world.config.kafka
  const { state, protocolType, members } = await (await world.kafka()).group(group)
  if (protocolType !== '' && protocolType !== 'consumer') {
    return fail(`${group} is a group of ${protocolType}`, 'set kafka.group to a name of its own')
  }
  if (state === 'Dead') return ok(`${group} has no members and no offsets yet`)
  return ok(`${group} is ${state.toLowerCase()} with ${members} ${members === 1 ? 'member' : 'members'}`)
}

export async function checkTransactions(world: World): Promise<Verdict> {
  const { group } = world.config.kafka
  const id = `${group}.doctor`
  try {
    await (await world.kafka()).tryTransaction(id, outputs(world), group)
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'refused') throw error
    const rights = `Write on the transactional ids ${group}.*, Write on ${outputs(world).join(' and ')}, Read on the group`
    return fail(error.message, `grant ${rights}; and transaction.max.timeout.ms is at least 15000`)
  }
  return ok(`one of ${id} was begun and aborted`)
}

/** How long a transaction of a producer may reasonably stay open before it counts as hanging. */
const hangingMs = 2_000

export async function checkUpstream(world: World): Promise<Verdict> {
  const before = await openTransactions(world)
  if (before.size === 0) return ok('no producer holds a transaction open')
  await new Promise((resolve) => setTimeout(resolve, hangingMs))
  const after = await openTransactions(world)
  const hanging = [...before].filter(([partition, lastStable]) => after.get(partition) === lastStable)
  if (hanging.length === 0) return ok("producers' transactions come to their end")
  const where = hanging.map(([partition]) => partition).join(', ')
  return warn(
    `a transaction has been open for ${hangingMs / 1000} s, and holds back what lies behind it: ${where}`,
    'if it stays: kafka-transactions.sh find-hanging, then abort; or restart that producer',
  )
}

/** The last stable offset of each partition where it is below the high watermark. */
async function openTransactions(world: World): Promise<Map<string, number>> {
  const probe = await world.kafka()
  const open = new Map<string, number>()
  for (const topic of inputs(world)) {
    for (const { partition, lastStable, high } of await probe.offsets(topic)) {
      if (lastStable < high) open.set(`${topic}-${partition}`, lastStable)
    }
  }
  return open
}

/** Measured from the high watermark: behind a hanging transaction, the last stable offset would show no lag. */
export async function checkLag(world: World): Promise<Verdict> {
  const probe = await world.kafka()
  const lags: string[] = []
  const gone: string[] = []
  for (const topic of inputs(world)) {
    const committed = await probe.committed(world.config.kafka.group, topic)
    let lag = 0
    for (const { partition, low, high } of await probe.offsets(topic)) {
      const offset = committed.get(partition)
      lag += Math.max(0, high - (offset ?? low))
      if (offset !== undefined && offset < low) gone.push(`${topic}-${partition}`)
    }
    lags.push(`${topic} ${lag}`)
  }
  if (gone.length > 0) {
    const why = `events were deleted before they were read: ${gone.join(', ')}`
    return fail(why, 'docs/runbook.md, Partition failed: gap; and raise retention.ms above the longest outage')
  }
  return ok(`records behind: ${lags.join(', ')}`)
}
