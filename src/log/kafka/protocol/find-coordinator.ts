import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Request, Result } from './request.ts'

/** Asks any broker which node now coordinates a group or a transactional id. */
export interface FindCoordinatorAsked {
  readonly of: 'group' | 'transaction'
  readonly id: string
}

export interface FindCoordinatorAnswer extends Result {
  readonly nodeId: number
}

const types = { group: 0, transaction: 1 }

export const findCoordinator: Request<FindCoordinatorAsked, FindCoordinatorAnswer> = {
  name: 'FindCoordinator',
  api: 10,
  version: 2,
  encode({ of, id }) {
    const to = new ByteWriter()
    to.string(id)
    to.int8(types[of])
    return to.written
  },
  decode(bytes) {
    const from = new ByteReader(bytes)
    const [throttleMs, errorCode] = [from.int32(), from.int16()]
    from.nullableString() // message
    const nodeId = from.int32()
    from.string() // host
    from.int32() // port
    return { throttleMs, errorCode, nodeId }
  },
}
