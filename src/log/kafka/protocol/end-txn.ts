import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { InTransaction, Request, Result } from './request.ts'

/** Asks the transaction's coordinator to commit or abort it. Without an answer, it may or may not have happened. */
export interface EndTxnAsked extends InTransaction {
  readonly isCommit: boolean
}

export const endTxn: Request<EndTxnAsked, Result> = {
  name: 'EndTxn',
  api: 26,
  version: 1,
  encode({ transactionalId, producerId, producerEpoch, isCommit }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.int64(producerId)
    to.int16(producerEpoch)
    to.int8(isCommit ? 1 : 0)
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    return { throttleMs: from.int32(), errorCode: from.int16() }
  },
}
