/** Asks which topics exist, with their ids: kafkajs's own request has no ids. */
import type { Cluster, Consumer, Kafka } from 'kafkajs'
import { LogError, type TopicState } from '../log.ts'
import { openCluster } from './clusters.ts'
import { toLogError } from './errors.ts'
import { metadata } from './protocol/metadata.ts'
import { send } from './protocol/send.ts'

/**
 * Any broker can tell, so it takes the first answer from the brokers that the cluster object knows. Leaves out topics that do
 * not exist.
 * @throws LogError `refused` where the brokers are too old; kafkajs's errors where none answers
 */
export async function describeTopics(cluster: Cluster, topics: readonly string[]): Promise<TopicState[]> {
  let failure: unknown = new LogError('unavailable', 'no broker is known')
  for (const nodeId of cluster.getNodeIds()) {
    try {
      const broker = await cluster.findBroker({ nodeId: String(nodeId) })
      return (await send(broker, metadata, topics)).topics
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** Has a connection of its own, so that no other request delays the answer. */
export class TopicLook {
  readonly #owner: Consumer
  readonly #cluster: Cluster
  #connected = false
  /** One at a time: if two connect at once, one connection is forgotten and stays open. */
  #asking: Promise<TopicState[]> | undefined

  constructor(kafka: Kafka) {
    const { owner, cluster } = openCluster(kafka)
    this.#owner = owner
    this.#cluster = cluster
  }

  /**
   * The first topic must exist at the first look. Throws LogError `unavailable` where no broker has answered within that time.
   */
  async topics(names: readonly string[], withinMs: number): Promise<TopicState[]> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const error = new LogError('unavailable', `no broker has answered within ${withinMs} ms`)
      timer = setTimeout(reject, withinMs, error)
    })
    this.#asking ??= this.#ask(names).finally(() => {
      this.#asking = undefined
    })
    const answer = this.#asking
    // It may reject when nobody waits for it any longer.
    answer.catch(() => undefined)
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      throw toLogError(error, 'looking at the topics', 'unavailable')
    } finally {
      clearTimeout(timer)
    }
  }

  async #ask(names: readonly string[]): Promise<TopicState[]> {
    if (!this.#connected) {
      await this.#owner.connect()
      // Without any topic, kafkajs asks for all topics of the cluster, and fails where one of these has no leader. It also fails
      // where one of those it is told of does not exist, so it is told of the first one alone.
      await this.#cluster.addMultipleTargetTopics(names.slice(0, 1))
    }
    this.#connected = true
    return describeTopics(this.#cluster, names)
  }

  close(): Promise<void> {
    return this.#owner.disconnect()
  }
}
