/**
 * Brokers that answer as a test wants: real connections, and as much of Kafka's protocol as a producer uses. They keep what they
 * were asked to write like a log that takes every batch once and in order.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { partitionKey, type TopicPartition } from '../log.ts'
import { ByteWriter } from './byte-writer.ts'
import { ByteReader } from './protocol/byte-reader.ts'

/** Api keys of the requests that producers send. */
export const apis = {
  produce: 0,
  metadata: 3,
  findCoordinator: 10,
  apiVersions: 18,
  initProducerId: 22,
  addPartitions: 24,
  addOffsets: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
}
const spoken: Readonly<Record<number, number>> = { 0: 7, 3: 6, 10: 2, 18: 2, 22: 1, 24: 1, 25: 1, 26: 1, 28: 1 }

interface Result extends TopicPartition {
  errorCode: number
  baseOffset: number
}

/** A request that has come in, and how it is going to be answered. */
export interface Asked {
  readonly api: number
  readonly node: number
  /** For requests about partitions: the answer for each; a test may change it. */
  readonly results: Result[]
  /** For the other requests. */
  errorCode: number
  /** `lost`: the connection ends without doing it. `late`: it is done, and then the connection ends. */
  fate: 'answered' | 'lost' | 'late'
}

interface Written {
  readonly sequence: number
  readonly count: number
  readonly epoch: number
}

const notLeader = 6
const notCoordinator = 16

export class FakeCluster {
  /** The leading node, by `partitionKey`; a topic has a partition for each leader. */
  readonly leaders = new Map<string, number>()
  /** The node that coordinates everything. */
  coordinator = 0
  /** All requests, as `api@node`, except those for metadata and versions. */
  readonly heard: string[] = []
  /** Sees each request before it is done, and may change its outcome. */
  script: (asked: Asked) => void = () => undefined
  /** By `partitionKey`. */
  readonly written = new Map<string, Written[]>()
  epoch = 0
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  static async start(nodes: number): Promise<FakeCluster> {
    const cluster = new FakeCluster()
    for (let node = 0; node < nodes; node++) {
      const server = createServer((socket) => cluster.#serve(node, socket))
      cluster.#servers.push(server)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    }
    return cluster
  }

  get addresses(): string[] {
    return this.#servers.map((server) => `127.0.0.1:${portOf(server)}`)
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
  }

  #serve(node: number, socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    let rest = Buffer.alloc(0)
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const size = rest.readInt32BE(0)
        const request = rest.subarray(4, 4 + size)
        rest = rest.subarray(4 + size)
        const answer = this.#answer(node, new ByteReader(request))
        if (answer === undefined) return socket.destroy()
        answer.writeInt32BE(answer.length - 4, 0)
        socket.write(answer)
      }
    })
  }

  #answer(node: number, from: ByteReader): Buffer | undefined {
    const [api, , correlation] = [from.int16(), from.int16(), from.int32()]
    from.string() // client id
    const to = new ByteWriter()
    to.int32(0) // size, later
    to.int32(correlation)
    if (api === apis.apiVersions) return this.#versions(to)
    if (api === apis.metadata) return this.#metadata(to, from)
    this.heard.push(`${nameOf(api)}@${node}`)
    const batches = new Map<string, Written>()
    const asked: Asked = { api, node, results: readPartitions(api, from, batches), errorCode: 0, fate: 'answered' }
    if (api === apis.produce) {
      for (const result of asked.results)
        if (this.leaders.get(partitionKey(result)) !== node) result.errorCode = notLeader
    } else if (api !== apis.findCoordinator && this.coordinator !== node) {
      asked.errorCode = notCoordinator
      for (const result of asked.results) result.errorCode = notCoordinator
    }
    this.script(asked)
    if (asked.fate !== 'lost') this.#do(asked, batches)
    if (asked.fate !== 'answered') return undefined
    return this.#write(to, asked)
  }

  #do({ api, results, errorCode }: Asked, batches: ReadonlyMap<string, Written>): void {
    if (api === apis.initProducerId && errorCode === 0) this.epoch++
    if (api !== apis.produce) return
    for (const result of results) {
      const batch = batches.get(partitionKey(result))
      if (result.errorCode === 0 && batch !== undefined) result.baseOffset = this.#append(result, batch)
    }
  }

  /** Like a broker: for a batch that it already has, it answers the same as the first time. */
  #append(at: TopicPartition, batch: Written): number {
    const all = this.written.get(partitionKey(at)) ?? []
    this.written.set(partitionKey(at), all)
    const known = all.findIndex(({ sequence, epoch }) => sequence === batch.sequence && epoch === batch.epoch)
    if (known < 0) all.push(batch)
    return all.slice(0, known < 0 ? -1 : known).reduce((sum, { count }) => sum + count, 0)
  }

  #write(to: ByteWriter, { api, results, errorCode }: Asked): Buffer {
    if (api !== apis.produce) to.int32(0) // throttle
    if (api === apis.initProducerId) {
      to.int16(errorCode)
      to.int64(4000)
      to.int16(this.epoch)
    } else if (api === apis.findCoordinator) {
      to.int16(errorCode)
      to.string(null)
      to.int32(this.coordinator)
      to.string('127.0.0.1')
      to.int32(portOf(this.#servers[this.coordinator]!))
    } else if (api === apis.addOffsets || api === apis.endTxn) {
      to.int16(errorCode)
    } else {
      to.int32(results.length)
      for (const { topic, partition, errorCode, baseOffset } of results) {
        to.string(topic)
        to.int32(1)
        to.int32(partition)
        to.int16(errorCode)
        if (api !== apis.produce) continue
        to.int64(errorCode === 0 ? baseOffset : -1)
        to.int64(-1)
        to.int64(0)
      }
      if (api === apis.produce) to.int32(0)
    }
    return to.written
  }

  #versions(to: ByteWriter): Buffer {
    to.int16(0)
    to.int32(Object.keys(spoken).length)
    for (const [api, max] of Object.entries(spoken)) {
      to.int16(Number(api))
      to.int16(0)
      to.int16(max)
    }
    to.int32(0)
    return to.written
  }

  #metadata(to: ByteWriter, from: ByteReader): Buffer {
    const names = from.array(() => from.string())
    const known = new Set([...this.leaders.keys()].map((key) => key.slice(0, key.lastIndexOf('/'))))
    to.int32(0)
    to.int32(this.#servers.length)
    for (const [node, server] of this.#servers.entries()) {
      to.int32(node)
      to.string('127.0.0.1')
      to.int32(portOf(server))
      to.string(null)
    }
    to.string('fake')
    to.int32(0)
    const topics = names.length === 0 ? [...known] : names
    to.int32(topics.length)
    for (const topic of topics) {
      to.int16(known.has(topic) ? 0 : 3)
      to.string(topic)
      to.int8(0)
      const own = [...this.leaders].filter(([key]) => key.startsWith(`${topic}/`))
      to.int32(own.length)
      for (const [key, leader] of own) {
        to.int16(0)
        to.int32(Number(key.slice(topic.length + 1)))
        to.int32(leader)
        for (let lists = 3; lists > 0; lists--) to.int32(0)
      }
    }
    return to.written
  }
}

const portOf = (server: Server) => (server.address() as { readonly port: number }).port

const nameOf = (api: number) => Object.entries(apis).find(([, key]) => key === api)?.[0] ?? String(api)

/** Reads the partitions of a request, as results without an error, and their batches. */
function readPartitions(api: number, from: ByteReader, batches: Map<string, Written>): Result[] {
  if (api === apis.addPartitions) skipTransaction(from)
  else if (api === apis.txnOffsetCommit) {
    from.string()
    skipTransaction(from)
  } else if (api === apis.produce) {
    from.nullableString()
    from.int16()
    from.int32()
  } else return []
  return from
    .array(() => {
      const topic = from.string()
      return from.array(() => {
        const partition = from.int32()
        if (api === apis.produce) batches.set(partitionKey({ topic, partition }), readBatch(from.bytes()))
        if (api === apis.txnOffsetCommit) {
          from.int64()
          from.string()
        }
        return { topic, partition, errorCode: 0, baseOffset: 0 }
      })
    })
    .flat()
}

function skipTransaction(from: ByteReader): void {
  from.string()
  from.int64()
  from.int16()
}

function readBatch(bytes: Buffer): Written {
  return { epoch: bytes.readInt16BE(51), sequence: bytes.readInt32BE(53), count: bytes.readInt32BE(57) }
}
