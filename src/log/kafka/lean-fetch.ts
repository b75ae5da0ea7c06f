/**
 * Puts our fetch in the place of kafkajs's, whose decoder costs more than all the rest of the engine. We send Fetch 13 where
 * kafkajs would send its newest, 11.
 *
 * kafkajs sees a partition's part of the response as one message with the last offset, so that its bookkeeping of offsets is
 * right. The view of the records travels on that message. So does an error that says that the log is no longer the one that was
 * read so far: kafkajs itself would start again at the log's beginning, and nobody would notice.
 */
import type { Batch, Cluster } from 'kafkajs'
import type { RecordBatch } from '../../events/log.ts'
import { LogError, type LogErrorCode, partitionKey } from '../log.ts'
import { onBroker, replaceRequest } from './exchange.ts'
import { KnownLogs } from './known-logs.ts'
import { type FetchedPart, type FetchQuestion, fetch } from './protocol/fetch.ts'
import { readRecordSet } from './record-set.ts'
import { handWhole } from './whole-responses.ts'

/** The version that kafkajs uses with any broker since Kafka 2.3. */
const stockVersion = 11

interface FetchArguments {
  readonly maxWaitTime: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly fetchOffset: string
      readonly untilOffset?: number
      readonly maxBytes: number
    }[]
  }[]
}

/** The message that kafkajs carries for a partition that our reader has read. */
interface CarrierMessage {
  readonly offset: string
  readonly isControlRecord: false
  readonly batchContext: Record<string, never>
  readonly lean: RecordBatch | LogError
}

/** Called for every partition of every response, with its `partitionKey`; the offsets are -1 where the broker gave an error. */
type OnBounds = (key: string, lastStableOffset: number, highWatermark: number) => void

/** Lasting errors of one partition: to go on elsewhere in it would leave out records, or take them twice. */
const lost: ReadonlyMap<number, readonly [LogErrorCode, string]> = new Map([
  [2, ['checksum', "the broker can't read it"]],
  [1, ['out_of_range', 'the log does not have the offset asked for']],
  [100, ['unknown_topic', 'there is no topic of that id any more']],
  [103, ['unknown_topic', 'the topic of that id is another one']],
])

/**
 * Makes the brokers of a cluster object do fetches our way.
 * @param logs must have the topics that are fetched
 */
export function useLeanFetch(
  cluster: Cluster,
  onBounds: OnBounds = () => undefined,
  logs: KnownLogs = new KnownLogs(),
): KnownLogs {
  onBroker(cluster, handWhole)
  replaceRequest<FetchArguments>(cluster, {
    api: fetch.api,
    version: stockVersion,
    replace: ({ request, response }, args) => ({
      request: {
        ...request,
        apiVersion: fetch.version,
        async encode() {
          const encoded = fetch.encode(questionOf(args, logs))
          return { buf: encoded, buffer: encoded }
        },
      },
      response: { parse: response.parse, decode: (bytes) => decode(bytes, args, logs, onBounds) },
    }),
  })
  return logs
}

/** The view of what kafkajs hands over, or why there is none; undefined where kafkajs has decoded it itself. */
export function leanResult(batch: Pick<Batch, 'messages'>): RecordBatch | LogError | undefined {
  return (batch.messages[0] as Partial<CarrierMessage> | undefined)?.lean
}

function questionOf(
  { maxWaitTime: maxWaitMs, minBytes, maxBytes, isolationLevel, topics }: FetchArguments,
  logs: KnownLogs,
): FetchQuestion {
  return {
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel,
    topics: topics.map(({ topic, partitions }) => ({
      id: logs.idOf(topic),
      partitions: partitions.map(({ partition, fetchOffset: from, maxBytes: mostBytes }) => {
        const fetchOffset = Number(from)
        const lastEpoch = logs.epochBefore(partitionKey({ topic, partition }), fetchOffset)
        return { partition, fetchOffset, lastEpoch, maxBytes: mostBytes }
      }),
    })),
  }
}

async function decode(
  bytes: Buffer,
  { topics }: FetchArguments,
  logs: KnownLogs,
  onBounds: OnBounds,
): Promise<unknown> {
  const asked = new Map<string, { readonly fetchOffset: string; readonly untilOffset?: number }>()
  for (const { topic, partitions } of topics) {
    for (const partition of partitions) asked.set(partitionKey({ topic, partition: partition.partition }), partition)
  }
  const answer = fetch.decode(bytes)
  const responses: { topicName: string; partitions: unknown[] }[] = []
  for (const { id, partitions: parts } of answer.topics) {
    const topic = logs.topicOf(id)
    const partitions: unknown[] = []
    for (const part of parts) {
      const key = partitionKey({ topic, partition: part.partition })
      onBounds(key, part.lastStableOffset, part.highWatermark)
      const { fetchOffset = '0', untilOffset = Number.POSITIVE_INFINITY } = asked.get(key) ?? {}
      const startOffset = Number(fetchOffset)
      const lean = errorOf(part, topic, startOffset) ?? (await read({ ...part, topic, startOffset, untilOffset }))
      if (lean !== undefined && !(lean instanceof LogError)) {
        logs.fetched(key, startOffset, lean.nextOffset, lean.leaderEpoch ?? -1)
      }
      partitions.push({
        partition: part.partition,
        errorCode: lean instanceof LogError ? 0 : part.errorCode,
        highWatermark: String(part.highWatermark),
        abortedTransactions: [],
        preferredReadReplica: part.preferredReadReplica,
        messages: carry(lean, startOffset),
      })
    }
    responses.push({ topicName: topic, partitions })
  }
  const { throttleMs: clientSideThrottleTime, errorCode, sessionId } = answer
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
}

function errorOf(
  { partition, errorCode, divergesAt }: FetchedPart,
  topic: string,
  startOffset: number,
): LogError | undefined {
  if (divergesAt !== undefined) {
    const what = `what was read of ${topic} before ${startOffset} is no longer there from ${divergesAt} on`
    return new LogError('diverged', what)
  }
  const [code, message] = lost.get(errorCode) ?? []
  return code && new LogError(code, `${topic}, partition ${partition}, offset ${startOffset}: ${message}`)
}

/** The records, or why they can't be read; undefined where there are none. */
async function read(fetched: Parameters<typeof readRecordSet>[0]): Promise<RecordBatch | LogError | undefined> {
  if (fetched.records.length === 0) return undefined
  try {
    const batch = await readRecordSet(fetched)
    return batch.nextOffset > fetched.startOffset ? batch : undefined
  } catch (error) {
    if (error instanceof LogError) return error
    throw error
  }
}

function carry(lean: RecordBatch | LogError | undefined, startOffset: number): CarrierMessage[] {
  if (lean === undefined) return []
  const lastOffset = lean instanceof LogError ? startOffset : lean.nextOffset - 1
  return [{ offset: String(lastOffset), isControlRecord: false, batchContext: {}, lean }]
}
