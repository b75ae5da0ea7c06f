/** Asks which topics exist: Metadata 12, whose answer has the topics' ids. */
import type { TopicState } from '../../log.ts'
import { ByteWriter } from '../byte-writer.ts'
import { ByteReader } from './byte-reader.ts'
import type { Request } from './request.ts'

const noId = '0'.repeat(32)
/** Errors that mean that there is no such topic, or that we may not describe it. */
const unknown: ReadonlySet<number> = new Set([3, 17, 29])

export interface MetadataAnswer {
  readonly throttleMs: number
  readonly topics: TopicState[]
}

/** The answer leaves out topics that do not exist or may not be described. */
export const metadata: Request<readonly string[], MetadataAnswer> = {
  name: 'Metadata',
  api: 3,
  version: 12,

  encode(topics) {
    const to = new ByteWriter()
    to.uvarint(0) // The header's tags.
    to.uvarint(topics.length + 1)
    for (const topic of topics) {
      to.uuid(noId)
      to.compactString(topic)
      to.uvarint(0)
    }
    to.int8(0) // Create no topic.
    to.int8(0)
    to.uvarint(0)
    return to.written
  },

  decode(bytes) {
    const from = new ByteReader(bytes)
    from.tags()
    const throttleMs = from.int32()
    from.compactArray(() => readBroker(from))
    from.compactString() // cluster id
    from.int32() // controller id
    const topics = from.compactArray(() => readTopic(from)).filter((topic) => topic !== undefined)
    return { throttleMs, topics }
  },
}

function readBroker(from: ByteReader): void {
  from.int32() // id
  from.compactString() // host
  from.int32() // port
  from.compactString() // rack
  from.tags()
}

function readTopic(from: ByteReader): TopicState | undefined {
  const error = from.int16()
  const topic = from.compactString()
  const id = from.uuid()
  from.int8() // is internal
  const partitions = from.compactArray(() => readPartition(from)).length
  from.int32() // authorized operations
  from.tags()
  return unknown.has(error) ? undefined : { topic, id, partitions }
}

function readPartition(from: ByteReader): void {
  from.int16() // error
  from.int32() // partition
  from.int32() // leader
  from.int32() // leader epoch
  from.compactArray(() => from.int32()) // replicas
  from.compactArray(() => from.int32()) // those in sync
  from.compactArray(() => from.int32()) // those offline
  from.tags()
}
