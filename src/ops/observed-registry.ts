import type { Registry } from '../ingest/registry/registry.ts'
import type { Metrics } from './metrics.ts'
import type { Outages } from './outages.ts'

/** The registry, with its answers and failures in the metrics and the log. */
export function observed(registry: Registry, { registryUp }: Metrics, logger: Outages): Registry {
  return {
    register: (subject, schema) => registry.register(subject, schema),
    isCompatible: (subject, schema) => registry.isCompatible(subject, schema),
    async schema(id, topic) {
      try {
        const schema = await registry.schema(id, topic)
        registryUp.set(1)
        logger.answered('registry')
        return schema
      } catch (error) {
        registryUp.set(0)
        throw error
      }
    },
  }
}
