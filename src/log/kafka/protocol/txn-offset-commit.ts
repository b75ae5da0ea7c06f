import type { TopicPartition } from '../../log.ts'
import { ByteWriter } from '../byte-writer.ts'
import { readByTopic, writeByTopic } from './answers.ts'
import { ByteReader } from './byte-reader.ts'
import type { Answered, InTransaction, PartitionResult, Request } from './request.ts'

/** Gives the group's coordinator offsets that count once the transaction is committed; safe to repeat. */
export interface TxnOffsetCommitAsked extends InTransaction {
  readonly groupId: string
  readonly offsets: readonly (TopicPartition & { readonly offset: number; readonly metadata: string })[]
}

export interface TxnOffsetCommitAnswer extends Answered {
  readonly results: readonly PartitionResult[]
}

export const txnOffsetCommit: Request<TxnOffsetCommitAsked, TxnOffsetCommitAnswer> = {
  name: 'TxnOffsetCommit',
  api: 28,
  version: 1,
  encode({ transactionalId, producerId, producerEpoch, groupId, offsets }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.string(groupId)
    to.int64(producerId)
    to.int16(producerEpoch)
    writeByTopic(to, offsets, ({ partition, offset, metadata }) => {
      to.int32(partition)
      to.int64(offset)
      to.string(metadata)
    })
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
