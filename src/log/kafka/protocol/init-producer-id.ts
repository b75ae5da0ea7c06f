import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Request, Result } from './request.ts'

/** Asks for an id and an epoch to write under. With a transactional id it fences the last owner and aborts its transaction. */
export interface InitProducerIdAsked {
  /** null for a producer without transactions, whose id any broker can give. */
  readonly transactionalId: string | null
  /** The coordinator aborts a transaction that stays open for longer. */
  readonly transactionTimeoutMs: number
}

export interface InitProducerIdAnswer extends Result {
  readonly producerId: number
  readonly producerEpoch: number
}

export const initProducerId: Request<InitProducerIdAsked, InitProducerIdAnswer> = {
  name: 'InitProducerId',
  api: 22,
  version: 1,
  encode({ transactionalId, transactionTimeoutMs }) {
    const to = new ByteWriter()
    to.string(transactionalId)
    to.int32(transactionTimeoutMs)
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    return {
      throttleMs: from.int32(),
      errorCode: from.int16(),
      producerId: from.int64(),
      producerEpoch: from.int16(),
    }
  },
}
