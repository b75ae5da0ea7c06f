/** Checks of the topics. */
import { LogError } from '../../log/log.ts'
import { fail, ok, skip, type Verdict, warn } from './check.ts'
import type { World } from './world.ts'

export const inputs = ({ config }: World) => config.topics.map(({ name }) => name)
export const outputs = ({ config }: World) => [config.output.actions, config.output.dead_letters, config.output.journal]

/** The partitions of each topic that exists. */
async function partitionsOf(world: World, topics: readonly string[]) {
  const probe = await world.kafka()
  const found = await Promise.all(topics.map(async (topic) => ({ topic, partitions: await probe.partitions(topic) })))
  return found.flatMap(({ topic, partitions }) => (partitions ? [{ topic, partitions }] : []))
}

export async function checkTopics(world: World): Promise<Verdict> {
  const wanted = [...inputs(world), ...outputs(world)]
  const found = new Set((await partitionsOf(world, wanted)).map(({ topic }) => topic))
  const missing = wanted.filter((topic) => !found.has(topic))
  if (missing.length === 0) return ok(`${wanted.join(', ')} exist`)
  const why = `missing, or this user may not describe them: ${missing.join(', ')}`
  return fail(why, 'beckon migrate --topics creates them; or correct topics and output')
}

export async function checkPartitions(world: World): Promise<Verdict> {
  const found = await partitionsOf(world, inputs(world))
  const counts = found.map(({ topic, partitions }) => `${topic} has ${partitions.length}`).join(', ')
  if (new Set(found.map(({ partitions }) => partitions.length)).size === 1) return ok(counts)
  return fail(counts, 'give all input topics the same number: those that meet in one profile must be co-partitioned')
}

export async function checkReplication(world: World): Promise<Verdict> {
  const probe = await world.kafka()
  const single: string[] = []
  const thin: string[] = []
  const behind: string[] = []
  for (const { topic, partitions } of await partitionsOf(world, [...inputs(world), ...outputs(world)])) {
    if (partitions.some(({ replicas }) => replicas.length < 2)) single.push(topic)
    else if ((await settingsOf(world, topic))?.get('min.insync.replicas') === '1') thin.push(topic)
    if (partitions.some(({ isr, replicas }) => isr.length < replicas.length)) behind.push(topic)
  }
  if (behind.length > 0) return warn(`replicas out of sync: ${behind.join(', ')}`, 'see why a broker is down or slow')
  if (single.length > 0) {
    const alone = probe.brokers.length === 1 ? ' (there is one broker)' : ''
    return warn(`one replica only${alone}: ${single.join(', ')}`, 'in production: three brokers, three replicas')
  }
  if (thin.length > 0) {
    return warn(
      `min.insync.replicas is 1: ${thin.join(', ')}`,
      'set it to 2, or the loss of one broker may lose events',
    )
  }
  return ok('several replicas, min.insync.replicas above 1')
}

/** The record size that an output topic must accept, in bytes; a broker's default is a little more. */
const outputBytes = 1_000_000

/** How far back a recovery may have to read, with a margin. */
const replayMs = 3_600_000

/** Settings of topics that would lose events or stop a partition. */
export async function checkSettings(world: World): Promise<Verdict> {
  const faults: string[] = []
  for (const { name, role } of world.config.topics) {
    const settings = await settingsOf(world, name)
    if (settings === undefined) return skip('the settings of topics may not be described')
    if (!settings.get('cleanup.policy')?.includes('compact')) continue
    if (role !== 'traits') faults.push(`${name} is compacted, which drops ${role === 'consent' ? 'consent' : 'events'}`)
    else if (Number(settings.get('min.compaction.lag.ms') ?? 0) < replayMs)
      faults.push(`${name} is compacted at once, and a recovery may miss what it has to read again`)
  }
  for (const topic of outputs(world)) {
    const bytes = Number((await settingsOf(world, topic))?.get('max.message.bytes') ?? Number.POSITIVE_INFINITY)
    if (bytes < outputBytes) faults.push(`${topic} refuses records above ${bytes} bytes`)
  }
  if (faults.length === 0) return ok('nothing that loses events or refuses records')
  return warn(
    faults.join('; '),
    'cleanup.policy=delete for inputs, or of traits min.compaction.lag.ms=3600000; max.message.bytes=1048588 or more for outputs',
  )
}

/** undefined if this user may not read them. */
export async function settingsOf(world: World, topic: string): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    return await (await world.kafka()).settings(topic)
  } catch (error) {
    if (error instanceof LogError && error.code === 'refused') return undefined
    throw error
  }
}
