import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { InTransaction, Request, Result } from './request.ts'

/** Asks the transaction's coordinator to commit it. Where that is not answered, it may have happened or not. */
export const endTxn: Request<InTransaction, Result> = {
  name: 'EndTxn',
  api: 26,
  version: 1,
  encode({ transactionalId, producerId, producerEpoch }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.int64(producerId)
    to.int16(producerEpoch)
    to.int8(1) // commit
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    return { throttleMs: from.int32(), errorCode: from.int16() }
  },
}
