/** Checks of which rules decide: those that are deployed, those of the file, and those that decided last. */
import { journalCodec } from '../../journal/journal.ts'
import { PresentRules } from '../../rules/present.ts'
import { RulesTopic } from '../../rules/topic.ts'
import { journalSchemas } from '../../schema-files.ts'
import { fail, ok, type Verdict, warn } from './check.ts'
import { settingsOf } from './topics.ts'
import type { World } from './world.ts'

export async function checkRules(world: World): Promise<Verdict> {
  const { kafka, output } = world.config
  const engine = world.engine()
  const own = engine.policy.version
  const told = await decidedLast(world)
  if ((await (await world.kafka()).partitions(output.rules)) === undefined) {
    return ok(`nothing is deployed, as there is no topic ${output.rules}: the file's rules count, ${own}${told}`)
  }
  const rules = new PresentRules(engine)
  rules.take(await new RulesTopic(await world.log(), output.rules, kafka.group).read())
  const { version } = rules.engine.policy
  if (rules.refused !== undefined) {
    return fail(`${rules.refused.detail}; policy ${version} counts${told}`, 'deploy rules again: beckon deploy -c FILE')
  }
  const settings = await settingsOf(world, output.rules)
  if (settings !== undefined && !settings.get('cleanup.policy')?.includes('compact')) {
    const mend = 'set its cleanup.policy to compact: what is deployed would be deleted with its age'
    return warn(`${output.rules} is not compacted`, mend)
  }
  if (!rules.isDeployed) return ok(`nothing is deployed: the file's rules count, ${own}${told}`)
  if (version === own) return ok(`policy ${version} is deployed, and the file has it${told}`)
  const mend = 'beckon deploy publishes those of the file; or put the deployed ones there, so that nobody is misled'
  return warn(`policy ${version} is deployed, and the file's is not used, ${own}${told}`, mend)
}

/** A slice's record is followed by a marker. */
const lastOffsets = 20

/** By which rules each partition decided its last slice. */
async function decidedLast(world: World): Promise<string> {
  const topic = world.config.output.journal
  const log = await world.log()
  const codec = journalCodec(topic, journalSchemas())
  const byPolicy = new Map<string, number[]>()
  const count = (await (await world.kafka()).partitions(topic))?.length ?? 0
  for (let partition = 0; partition < count; partition++) {
    const { low, high } = await log.offsets(topic, partition)
    let policy: string | undefined
    if (high > low) {
      for await (const batch of log.read(topic, partition, Math.max(low, high - lastOffsets), high)) {
        policy = codec.decode(batch).at(-1)?.policy ?? policy
      }
    }
    if (policy !== undefined) byPolicy.set(policy, [...(byPolicy.get(policy) ?? []), partition])
  }
  const parts = [...byPolicy].map(([policy, partitions]) => `${policy} in ${partitions.join(', ')}`)
  return parts.length === 0 ? '' : `; the last slices by partition: ${parts.join('; ')}`
}
