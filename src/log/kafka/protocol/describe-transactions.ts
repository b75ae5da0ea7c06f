import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Request, Result } from './request.ts'

export interface DescribeTransactionsAnswer extends Result {
  /** When the transaction began, by the coordinator's clock, ms; negative where there is none. */
  readonly startMs: number
}

/** Asks a transactional id's coordinator about its transaction. A flexible version: the header's tags are written here, first. */
export const describeTransactions: Request<string, DescribeTransactionsAnswer> = {
  name: 'DescribeTransactions',
  api: 65,
  version: 0,

  encode(transactionalId) {
    const to = new ByteWriter()
    to.uvarint(0) // the header's tags
    to.uvarint(2) // one id
    to.compactString(transactionalId)
    to.uvarint(0)
    return to.written
  },

  decode(bytes) {
    const from = new ByteReader(bytes)
    from.tags()
    const throttleMs = from.int32()
    const [first] = from.compactArray(() => {
      const errorCode = from.int16()
      from.compactString() // transactional id
      from.compactString() // state
      from.int32() // time-out
      const startMs = from.int64()
      from.int64() // producer id
      from.int16() // producer epoch
      from.compactArray(() => {
        from.compactString() // topic
        from.compactArray(() => from.int32())
        from.tags()
      })
      from.tags()
      return { errorCode, startMs }
    })
    from.tags()
    if (first === undefined) throw new RangeError('the answer tells of no transaction')
    return { throttleMs, ...first }
  },
}
