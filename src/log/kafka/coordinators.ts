/**
 * Spares a transaction four of its ten round trips: kafkajs asks who the coordinator is before every step, though it
 * moves only when a broker goes.
 */
import type { Broker, Kafka } from 'kafkajs'
import { onNewCluster } from './clusters.ts'

interface Asked {
  readonly groupId: string
  /** 0 or undefined: of the group; 1: of the transactional id. */
  readonly coordinatorType?: number
}

/** The coordinators that the producers of one client object have found. */
export class KnownCoordinators {
  readonly #brokers = new Map<string, Broker>()
  /** Off while a transactional id is opened: kafkajs retries that, and must ask anew when it does. */
  enabled = false

  constructor(kafka: Kafka) {
    onNewCluster(kafka, (cluster) => {
      const find = cluster.findGroupCoordinator.bind(cluster)
      cluster.findGroupCoordinator = (asked) => this.#find(asked, find)
    })
  }

  /** After an error that says that a coordinator has moved. */
  forget(): void {
    this.#brokers.clear()
  }

  async #find(asked: Asked, find: (asked: Asked) => Promise<Broker>): Promise<Broker> {
    const key = `${asked.coordinatorType ?? 0}/${asked.groupId}`
    const known = this.#brokers.get(key)
    if (known !== undefined && this.enabled) return known
    const broker = await find(asked)
    this.#brokers.set(key, broker)
    return broker
  }
}
