import type { Broker } from 'kafkajs'
import { LogError } from '../../log.ts'
import type { Answered, Request } from './request.ts'

/**
 * Sends a request once, over the connection of a broker object that `cluster.findBroker` has just returned. Resolves with the
 * broker's answer, even if that is an error. Rejects if the connection is lost or no answer comes in time; the broker may have
 * done it all the same. Throws LogError `refused` where the broker does not speak that version.
 */
export async function send<Asked, Answer extends Answered>(
  broker: Broker,
  { name, api, version, encode, decode }: Request<Asked, Answer>,
  asked: Asked,
): Promise<Answer> {
  const { connectionPool, versions } = broker as Partial<Inside>
  if (typeof connectionPool?.send !== 'function' || typeof versions !== 'object') {
    throw new LogError('refused', 'this kafkajs keeps its connections otherwise than 2.2.4, for which beckon is made')
  }
  const spoken = versions?.[api]
  if (spoken === undefined || version < spoken.minVersion || version > spoken.maxVersion) {
    const theirs = spoken === undefined ? 'none' : `${spoken.minVersion} to ${spoken.maxVersion}`
    throw new LogError('refused', `the broker speaks other versions of ${name} than ${version}: ${theirs}`)
  }
  const { answer } = await connectionPool.send({
    request: {
      apiKey: api,
      apiVersion: version,
      apiName: name,
      async encode() {
        const bytes = encode(asked)
        return { buf: bytes, buffer: bytes }
      },
    },
    response: {
      async decode(bytes) {
        const answer = decode(bytes)
        return { clientSideThrottleTime: answer.throttleMs, answer }
      },
      parse: async (decoded) => decoded,
    },
    logResponseError: false,
  })
  return answer
}

/** What we use of kafkajs's broker objects. */
interface Inside {
  readonly connectionPool: {
    send<Answer>(exchange: Exchange<Answer>): Promise<Decoded<Answer>>
  }
  /** By api; null before the first connection. */
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>> | null
}

interface Exchange<Answer> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    /** kafkajs recognises an encoder by `buf`, and takes its `buffer`. */
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
  }
  readonly response: {
    decode(bytes: Buffer): Promise<Decoded<Answer>>
    parse(decoded: Decoded<Answer>): Promise<Decoded<Answer>>
  }
  readonly logResponseError: false
}

interface Decoded<Answer> {
  /** How long kafkajs holds back the connection's next request; ms. */
  readonly clientSideThrottleTime: number
  readonly answer: Answer
}
