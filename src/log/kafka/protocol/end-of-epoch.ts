/** Where the records that a leader wrote end in the log now: OffsetForLeaderEpoch 3 (KIP-320). */
import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Request } from './request.ts'

export interface AskedEpoch {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
}

export interface EpochAnswer {
  readonly throttleMs: number
  readonly errorCode: number
  readonly endOffset: number
}

/** `endOffset` is -1 where the log has nothing of that epoch or an earlier one. */
export const endOfEpoch: Request<AskedEpoch, EpochAnswer> = {
  name: 'OffsetForLeaderEpoch',
  api: 23,
  version: 3,

  encode({ topic, partition, epoch }) {
    const to = new ByteWriter()
    to.int32(-1) // We are no replica.
    to.int32(1)
    to.string(topic)
    to.int32(1)
    to.int32(partition)
    to.int32(-1) // Whatever the leader's own epoch is.
    to.int32(epoch)
    return to.written
  },

  decode(bytes) {
    const from = new ByteReader(bytes)
    const throttleMs = from.int32()
    const topics = from.array(() => {
      from.string()
      return from.array(() => {
        const errorCode = from.int16()
        from.int32() // partition
        from.int32() // the epoch that it is the end of
        return { errorCode, endOffset: from.int64() }
      })
    })
    return { throttleMs, ...(topics[0]?.[0] ?? { errorCode: -1, endOffset: -1 }) }
  },
}
