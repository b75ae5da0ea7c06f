/**
 * Puts our record reader in the place of kafkajs's, which costs more than all the rest of the engine: for Fetch
 * version 11 (brokers since 2.3).
 *
 * To kafkajs, a partition's part of the response is one message whose offset is the last one, so that its bookkeeping
 * of offsets holds; the view travels on that message.
 */
import type { Batch, Cluster } from 'kafkajs'
import type { RecordBatch } from '../../events/log.ts'
import { LogError, partitionKey } from '../log.ts'
import { onBroker, replaceRequest } from './exchange.ts'
import { ByteReader } from './protocol/byte-reader.ts'
import { type FetchedPartition, readRecordSet } from './record-set.ts'
import { handWhole } from './whole-responses.ts'

const fetchApi = 1
const knownVersion = 11
/** CORRUPT_MESSAGE: to kafkajs an error of the whole fetch, which it would repeat for ever. */
const corruptMessage = 2

interface FetchArguments {
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly fetchOffset: string
      readonly untilOffset?: number
    }[]
  }[]
}

/** What kafkajs carries for a partition that our reader has read. */
interface CarrierMessage {
  readonly offset: string
  readonly isControlRecord: false
  readonly batchContext: Record<string, never>
  readonly lean: RecordBatch | LogError
}

/** Hears of every partition of every response, by `partitionKey`; the offsets are -1 where the broker tells an error. */
type OnBounds = (key: string, lastStableOffset: number, highWatermark: number) => void

/** Lets the brokers of that cluster object read fetches by our reader. */
export function useLeanFetch(cluster: Cluster, onBounds: OnBounds = () => undefined): void {
  onBroker(cluster, handWhole)
  replaceRequest<FetchArguments>(cluster, {
    api: fetchApi,
    version: knownVersion,
    replace: ({ request, response }, args) => ({
      request,
      response: { parse: response.parse, decode: (bytes) => decode(bytes, args, onBounds) },
    }),
  })
}

/** The view, or why there is none, of what kafkajs hands over; undefined where kafkajs has decoded it itself. */
export function leanResult(batch: Pick<Batch, 'messages'>): RecordBatch | LogError | undefined {
  return (batch.messages[0] as Partial<CarrierMessage> | undefined)?.lean
}

async function decode(bytes: Buffer, { topics }: FetchArguments, onBounds: OnBounds): Promise<unknown> {
  const asked = new Map<string, { readonly fetchOffset: string; readonly untilOffset?: number }>()
  for (const { topic, partitions } of topics) {
    for (const partition of partitions) asked.set(partitionKey({ topic, partition: partition.partition }), partition)
  }
  const reader = new ByteReader(bytes)
  const clientSideThrottleTime = reader.int32()
  const errorCode = reader.int16()
  const sessionId = reader.int32()
  const responses: { topicName: string; partitions: unknown[] }[] = []
  for (let topicsLeft = reader.int32(); topicsLeft > 0; topicsLeft--) {
    const topicName = reader.string()
    const partitions: unknown[] = []
    for (let left = reader.int32(); left > 0; left--) {
      const part = readPartition(reader)
      const key = partitionKey({ topic: topicName, partition: part.partition })
      onBounds(key, part.lastStableOffset, part.highWatermark)
      const { fetchOffset = '0', untilOffset = Number.POSITIVE_INFINITY } = asked.get(key) ?? {}
      const startOffset = Number(fetchOffset)
      partitions.push({
        partition: part.partition,
        errorCode: part.errorCode === corruptMessage ? 0 : part.errorCode,
        highWatermark: String(part.highWatermark),
        abortedTransactions: [],
        preferredReadReplica: part.preferredReadReplica,
        messages: await carry({ ...part, topic: topicName, startOffset, untilOffset }),
      })
    }
    responses.push({ topicName, partitions })
  }
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
}

async function carry(fetched: Fetched): Promise<CarrierMessage[]> {
  if (fetched.errorCode !== corruptMessage && fetched.records.length === 0) return []
  const lean = await read(fetched)
  const lastOffset = lean instanceof LogError ? fetched.startOffset : lean.nextOffset - 1
  return [{ offset: String(lastOffset), isControlRecord: false, batchContext: {}, lean }]
}

interface Fetched extends FetchedPartition {
  readonly errorCode: number
}

async function read(fetched: Fetched): Promise<RecordBatch | LogError> {
  if (fetched.errorCode === corruptMessage) {
    const { topic, partition, startOffset } = fetched
    return new LogError('checksum', `the broker can't read ${topic}, partition ${partition}, at offset ${startOffset}`)
  }
  try {
    return await readRecordSet(fetched)
  } catch (error) {
    if (error instanceof LogError) return error
    throw error
  }
}

/** One partition of a fetch response, version 11. */
function readPartition(from: ByteReader) {
  const partition = from.int32()
  const errorCode = from.int16()
  const highWatermark = from.int64()
  const lastStableOffset = from.int64()
  from.int64() // log start offset
  const aborted = from.array(() => ({ producerId: from.int64(), firstOffset: from.int64() }))
  aborted.sort((a, b) => a.firstOffset - b.firstOffset)
  const preferredReadReplica = from.int32()
  return { partition, errorCode, highWatermark, lastStableOffset, aborted, preferredReadReplica, records: from.bytes() }
}
