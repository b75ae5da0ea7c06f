import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { InTransaction, Request, Result } from './request.ts'

/** Tells the transaction's coordinator that the group's offsets will be part of it; safe to repeat. */
export interface AddOffsetsToTxnAsked extends InTransaction {
  readonly groupId: string
}

export const addOffsetsToTxn: Request<AddOffsetsToTxnAsked, Result> = {
  name: 'AddOffsetsToTxn',
  api: 25,
  version: 1,
  encode({ transactionalId, producerId, producerEpoch, groupId }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.int64(producerId)
    to.int16(producerEpoch)
    to.string(groupId)
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    return { throttleMs: from.int32(), errorCode: from.int16() }
  },
}
