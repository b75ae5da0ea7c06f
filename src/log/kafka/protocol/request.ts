import type { TopicPartition } from '../../log.ts'

/**
 * One request of Kafka's protocol in the one version that we speak (https://kafka.apache.org/protocol): a file for each in
 * this folder, `send.ts` sends them. kafkajs writes the header, as before the flexible versions (KIP-482): the bytes of one
 * of those begin with the tags that its header ends with.
 */
export interface Request<Asked, Answer extends Answered> {
  readonly name: string
  readonly api: number
  readonly version: number
  encode(asked: Asked): Buffer
  /** Throws RangeError for bytes that end too early. */
  decode(bytes: Buffer): Answer
}

/** Part of every answer. */
export interface Answered {
  /** For so long the broker wants no more requests; ms. */
  readonly throttleMs: number
}

/** An answer that is a success or an error. */
export interface Result extends Answered {
  readonly errorCode: number
}

/** The same of one partition among several. */
export interface PartitionResult extends TopicPartition {
  readonly errorCode: number
}

/** Who asks, in whose transaction. */
export interface InTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}
