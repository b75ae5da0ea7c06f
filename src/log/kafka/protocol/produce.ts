import type { OutRecord } from '../../../events/log.ts'
import type { TopicPartition } from '../../log.ts'
import { ByteWriter } from '../byte-writer.ts'
import { writeRecordBatch } from '../record-set-writer.ts'
import { readByTopic, writeByTopic } from './answers.ts'
import { ByteReader } from './byte-reader.ts'
import type { Answered, PartitionResult, Request } from './request.ts'

/** Asks a broker to append records to partitions that it leads, and to answer when all in-sync replicas have them. */
export interface ProduceAsked {
  /** null for records outside of transactions. */
  readonly transactionalId: string | null
  readonly producerId: number
  readonly producerEpoch: number
  /** The time of all records; ms. */
  readonly timeMs: number
  /** How long the broker waits for the replicas at most. */
  readonly timeoutMs: number
  /** At most one per partition. */
  readonly batches: readonly Batch[]
}

interface Batch extends TopicPartition {
  readonly records: readonly OutRecord[]
  /** The sequence number of the first record, among all that the producer has sent to the partition. */
  readonly firstSequence: number
}

export interface ProduceAnswer extends Answered {
  /** `baseOffset` is the first record's offset; -1 where there is an error. */
  readonly results: readonly (PartitionResult & { readonly baseOffset: number })[]
}

const allInSync = -1
/** Shorter than a request's own time-out, so that it is the broker who reports that it took too long. */
export const replicasTimeoutMs = 10_000

export const produce: Request<ProduceAsked, ProduceAnswer> = {
  name: 'Produce',
  api: 0,
  version: 7,
  encode({ transactionalId, producerId, producerEpoch, timeMs, timeoutMs, batches }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.int16(allInSync)
    to.int32(timeoutMs)
    const transactional = transactionalId !== null
    writeByTopic(to, batches, ({ partition, records, firstSequence }) => {
      to.int32(partition)
      const sizeAt = to.length
      to.int32(0)
      writeRecordBatch(to, { records, timeMs, transactional, producerId, producerEpoch, firstSequence })
      to.written.writeInt32BE(to.length - sizeAt - 4, sizeAt)
    })
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    const results = readByTopic(from, () => {
      const result = { partition: from.int32(), errorCode: from.int16(), baseOffset: from.int64() }
      from.int64() // time of appending
      from.int64() // first offset kept
      return result
    })
    return { results, throttleMs: from.int32() }
  },
}
