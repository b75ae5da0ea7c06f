import { type ActionFormat, compileActionEncoder } from './emit/encode-action.ts'
import type { Engine } from './engine.ts'
import { compileIngest, type TopicIngest } from './ingest/ingest.ts'
import type { Role } from './ingest/role.ts'
import type { Stages } from './slice-input.ts'

/** The largest action that is published. With headers it stays well below a broker's default limit of 1 MiB. */
const maxRecordBytes = 900_000

/**
 * The stages of a compiled configuration.
 * @param format how actions are encoded; with a registry, only the service knows the schema's id
 */
export function compileStages({ config, features, policy, decoders, enrich }: Engine, format: ActionFormat): Stages {
  const topics = new Map<string, TopicIngest>()
  const roles = new Map<string, Role>()
  for (const { name, role = 'events', key, tombstones } of config.topics) {
    const decoder = decoders.get(name)!
    topics.set(name, { decoder, role, keyIsCustomer: key === 'customer', tombstones })
    roles.set(name, role)
  }
  return {
    decode: compileIngest({
      topics,
      correctClockSkew: config.enrich.clock_skew,
      futureMs: config.limits.future,
      refusesNegativeQuantity: config.limits.negative_quantity === 'dead_letter',
    }),
    roles,
    enrich,
    session: { idleMs: config.enrich.session.idle, maxMs: config.enrich.session.max },
    dedupe: { windowMs: config.dedupe.window, maxIds: config.dedupe.max_ids },
    features,
    policy,
    encodeAction: compileActionEncoder(config.output.actions, format),
    deadLetterTopic: config.output.dead_letters,
    maxRecordBytes,
  }
}
