import { LogError, type TopicState } from '../log.ts'

/** A place in a partition, and the epoch of the leader that wrote the batch before it. */
interface Place {
  readonly offset: number
  readonly epoch: number
}

const nowhere: Place = { offset: -1, epoch: -1 }

/**
 * What one consumer knows about the logs that it fetches from, so that the brokers can tell it when a log is no longer the same:
 * the topics' ids, and the leader epochs at the offsets from which a partition is fetched next.
 */
export class KnownLogs {
  readonly #ids = new Map<string, string>()
  readonly #topics = new Map<string, string>()
  /** By `partitionKey`: where the last fetch began and ended. Both, since a batch that was not handled is fetched again. */
  readonly #places = new Map<string, readonly [Place, Place]>()

  /** A topic that is known already keeps its id. */
  add(topics: readonly TopicState[]): void {
    for (const { topic, id } of topics) {
      if (this.#ids.has(topic)) continue
      this.#ids.set(topic, id)
      this.#topics.set(id, topic)
    }
  }

  has(topic: string): boolean {
    return this.#ids.has(topic)
  }

  /** Throws LogError `unknown_topic`. */
  idOf(topic: string): string {
    const id = this.#ids.get(topic)
    if (id === undefined) throw new LogError('unknown_topic', `${topic} does not exist, or may not be described`)
    return id
  }

  topicOf(id: string): string {
    return this.#topics.get(id) ?? id
  }

  forget(topic: string): void {
    this.#topics.delete(this.#ids.get(topic) ?? '')
    this.#ids.delete(topic)
    for (const key of this.#places.keys()) if (key.startsWith(`${topic}/`)) this.#places.delete(key)
  }

  /** -1 where it is not known. */
  epochBefore(key: string, offset: number): number {
    return this.#places.get(key)?.find((place) => place.offset === offset)?.epoch ?? -1
  }

  fetched(key: string, startOffset: number, nextOffset: number, epoch: number): void {
    const from = { offset: startOffset, epoch: this.epochBefore(key, startOffset) }
    this.#places.set(key, [from.epoch < 0 ? nowhere : from, { offset: nextOffset, epoch }])
  }
}
