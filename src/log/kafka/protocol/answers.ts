import { partitionKey, type TopicPartition } from '../../log.ts'
import type { ByteWriter } from '../byte-writer.ts'
import type { ByteReader } from './byte-reader.ts'

/** A broker's answer does not match what it was asked. */
class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer'
}

/**
 * The answers by `partitionKey`, whatever order they come in.
 * @throws WrongAnswer unless the partitions are exactly those that were asked for, each once
 */
export function answersByPartition<T extends TopicPartition>(
  request: string,
  asked: readonly TopicPartition[],
  answers: readonly T[],
): ReadonlyMap<string, T> {
  const found = new Map<string, T>()
  for (const answer of answers) {
    const key = partitionKey(answer)
    if (found.has(key)) throw new WrongAnswer(`${request}: ${key} is answered twice`)
    found.set(key, answer)
  }
  for (const at of asked) {
    if (!found.has(partitionKey(at))) throw new WrongAnswer(`${request}: ${partitionKey(at)} is not answered`)
  }
  if (found.size > asked.length) throw new WrongAnswer(`${request}: more is answered than was asked`)
  return found
}

/** Writes partitions, grouped by topic. */
export function writeByTopic<T extends TopicPartition>(
  to: ByteWriter,
  all: readonly T[],
  write: (one: T) => void,
): void {
  const topics = new Map<string, T[]>()
  for (const one of all) {
    const own = topics.get(one.topic)
    if (own === undefined) topics.set(one.topic, [one])
    else own.push(one)
  }
  to.int32(topics.size)
  for (const [topic, own] of topics) {
    to.string(topic)
    to.int32(own.length)
    for (const one of own) write(one)
  }
}

/** Reads partitions that are grouped by topic. @param read reads one partition */
export function readByTopic<T>(from: ByteReader, read: () => T): (T & { readonly topic: string })[] {
  return from
    .array(() => {
      const topic = from.string()
      return from.array(() => ({ topic, ...read() }))
    })
    .flat()
}
