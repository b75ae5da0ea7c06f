import type { TopicPartition } from '../../log.ts'

/**
 * One request of Kafka's protocol, in the one version that we speak (https://kafka.apache.org/protocol). Each has a file in this
 * folder, and `send.ts` sends them. kafkajs writes the header as it was before the flexible versions (KIP-482), so the bytes of
 * a flexible request begin with the tags that end its header.
 */
export interface Request<Asked, Answer extends Answered> {
  readonly name: string
  readonly api: number
  readonly version: number
  encode(asked: Asked): Buffer
  /** Throws RangeError where the bytes end too early. */
  decode(bytes: Buffer): Answer
}

/** Part of every answer. */
export interface Answered {
  /** How long the broker wants no more requests; ms. */
  readonly throttleMs: number
}

/** An answer that is a success or an error. */
export interface Result extends Answered {
  readonly errorCode: number
}

/** The same for one partition among several. */
export interface PartitionResult extends TopicPartition {
  readonly errorCode: number
}

/** The producer that asks, and its transaction. */
export interface InTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}
