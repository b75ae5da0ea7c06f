import type { TopicPartition } from '../../log.ts'
import { ByteWriter } from '../byte-writer.ts'
import { readByTopic, writeByTopic } from './answers.ts'
import { ByteReader } from './byte-reader.ts'
import type { Answered, InTransaction, PartitionResult, Request } from './request.ts'

/** Tells the transaction's coordinator which partitions will be written; safe to repeat. */
export interface AddPartitionsToTxnAsked extends InTransaction {
  readonly partitions: readonly TopicPartition[]
}

export interface AddPartitionsToTxnAnswer extends Answered {
  readonly results: readonly PartitionResult[]
}

export const addPartitionsToTxn: Request<AddPartitionsToTxnAsked, AddPartitionsToTxnAnswer> = {
  name: 'AddPartitionsToTxn',
  api: 24,
  version: 1,
  encode({ transactionalId, producerId, producerEpoch, partitions }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.int64(producerId)
    to.int16(producerEpoch)
    writeByTopic(to, partitions, ({ partition }) => to.int32(partition))
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    return {
      throttleMs: from.int32(),
      results: readByTopic(from, () => ({ partition: from.int32(), errorCode: from.int16() })),
    }
  },
}
