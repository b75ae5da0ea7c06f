/**
 * Fetch 13. It names topics by id, so that a topic that was deleted and created anew under its name is not mistaken for the old
 * one. It has the epoch of the last batch taken, so that the broker can tell where its log differs from what was read
 * (KIP-320, KIP-595).
 */
import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Request } from './request.ts'

export interface FetchQuestion {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: number
  readonly topics: readonly {
    readonly id: string
    readonly partitions: readonly {
      readonly partition: number
      readonly fetchOffset: number
      /** -1 where it is not known: nothing is compared then. */
      readonly lastEpoch: number
      readonly maxBytes: number
    }[]
  }[]
}

export interface FetchAnswer {
  readonly throttleMs: number
  readonly errorCode: number
  readonly sessionId: number
  readonly topics: readonly { readonly id: string; readonly partitions: readonly FetchedPart[] }[]
}

export interface FetchedPart {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]
  readonly preferredReadReplica: number
  /** A view of record batches, the last of which may be cut off. */
  readonly records: Buffer
  /** Where the log starts to differ from what was read; undefined where it is the same up to the offset asked for. */
  readonly divergesAt: number | undefined
}

const divergingEpoch = 0

export const fetch: Request<FetchQuestion, FetchAnswer> = {
  name: 'Fetch',
  api: 1,
  version: 13,

  encode({ maxWaitMs, minBytes, maxBytes, isolationLevel, topics }) {
    const to = new ByteWriter()
    to.uvarint(0) // The header's tags.
    to.int32(-1) // We are no replica.
    to.int32(maxWaitMs)
    to.int32(minBytes)
    to.int32(maxBytes)
    to.int8(isolationLevel)
    to.int32(0) // No session,
    to.int32(-1) // and none wanted.
    to.uvarint(topics.length + 1)
    for (const { id, partitions } of topics) {
      to.uuid(id)
      to.uvarint(partitions.length + 1)
      for (const { partition, fetchOffset, lastEpoch, maxBytes: mostBytes } of partitions) {
        to.int32(partition)
        to.int32(-1) // Whatever the leader's own epoch is.
        to.int64(fetchOffset)
        to.int32(lastEpoch)
        to.int64(-1) // The start of a replica's log.
        to.int32(mostBytes)
        to.uvarint(0)
      }
      to.uvarint(0)
    }
    to.uvarint(1) // No topics forgotten.
    to.compactString('') // rack
    to.uvarint(0)
    return to.written
  },

  decode(bytes) {
    const from = new ByteReader(bytes)
    from.tags()
    const throttleMs = from.int32()
    const errorCode = from.int16()
    const sessionId = from.int32()
    const topics = from.compactArray(() => {
      const id = from.uuid()
      const partitions = from.compactArray(() => readPart(from))
      from.tags()
      return { id, partitions }
    })
    return { throttleMs, errorCode, sessionId, topics }
  },
}

function readPart(from: ByteReader): FetchedPart {
  const partition = from.int32()
  const errorCode = from.int16()
  const highWatermark = from.int64()
  const lastStableOffset = from.int64()
  from.int64() // log start offset
  const aborted = from.compactArray(() => {
    const one = { producerId: from.int64(), firstOffset: from.int64() }
    from.tags()
    return one
  })
  aborted.sort((a, b) => a.firstOffset - b.firstOffset)
  const preferredReadReplica = from.int32()
  const records = from.compactBytes()
  let divergesAt: number | undefined
  from.tags((tag, field) => {
    if (tag !== divergingEpoch) return
    field.int32() // the epoch
    divergesAt = field.int64()
  })
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    aborted,
    preferredReadReplica,
    records,
    divergesAt,
  }
}
