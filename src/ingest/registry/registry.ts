/**
 * A client of a Schema Registry with Confluent's HTTP interface. Its answers are trusted no more than an event: the address
 * is fixed, an id is checked before it becomes part of a URL, redirects are not followed, an answer is JSON of at most
 * 1 MiB within 5 s. A schema that can't be used is data (`Rejected`), but only if the registry itself said so, in its JSON
 * or with one of its own error codes. What a proxy, a gateway or a wrong address answers says nothing about the schema, and
 * is thrown just as no answer is. The schema of an id never changes; the subjects that have it do.
 */

import assert from 'node:assert/strict'
import { LRUCache } from 'lru-cache'
import type { FetchedSchema } from '../decode.ts'
import { Rejected, rejected } from '../rejected.ts'
import { type Answered, ask } from './ask.ts'

const timeoutMs = 5_000
const maxAnswerBytes = 1024 * 1024
const maxReferences = 16
const maxId = 2 ** 31 - 1
const maxSchemas = 1_000
/** How long a refusal holds: half as long as in a decoder, so when the decoder asks again, the registry is asked again. */
const refusalMs = 30_000
/** The registry's own codes for something that does not exist: a subject, a version, a schema. */
const absentCodes: ReadonlySet<unknown> = new Set([40401, 40402, 40403])

const badId = rejected('unknown_schema', 'a schema id is at least 1')
const unknown = rejected('unknown_schema', 'the registry has no such schema')
const notAvro = rejected('schema_not_allowed', 'the schema is not an Avro schema')
const otherSubject = rejected('schema_not_allowed', 'the schema does not belong to the topic')
const tooLong = rejected('bad_schema', "the registry's answer is longer than 1 MiB")
const badReferences = rejected('bad_schema', "the schema's references are too many or can't be resolved")

export interface RegistryOptions {
  /** Without credentials, but with the path of the interface if there is one. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** A bearer token, instead of username and password. */
  readonly token?: string | undefined
  /** PEM of the certificate authority to trust; the system's if left out. */
  readonly ca?: string | undefined
}

/**
 * `unavailable`: try again. `not_a_registry`: something else answers at its address. `refused`: the credentials are not
 * enough. `incompatible`: the subject does not accept the schema. `invalid`: it could not register or check a schema.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: 'unavailable' | 'not_a_registry' | 'refused' | 'incompatible' | 'invalid'

  constructor(code: RegistryError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get retriable(): boolean {
    return this.code === 'unavailable' || this.code === 'not_a_registry'
  }
}

export interface Registry {
  /** The Avro schema with that id, if it is one for the topic's values. @throws RegistryError */
  schema(id: number, topic: string): Promise<FetchedSchema | Rejected>
  /** Registers an Avro schema, or finds it registered. @returns its id @throws RegistryError */
  register(subject: string, schema: string): Promise<number>
  /** Whether the subject would accept the schema, by its compatibility rule. @throws RegistryError */
  isCompatible(subject: string, schema: string): Promise<boolean>
}

export function connectRegistry(options: RegistryOptions): Registry {
  return new RegistryClient(options)
}

interface Answer {
  readonly status: number
  /** JSON; undefined if longer than `maxAnswerBytes`. */
  readonly body: unknown
}

interface Known {
  readonly schema: FetchedSchema
  /** undefined if the registry can't tell. */
  readonly subjects: readonly string[] | undefined
  /** The record's full name; some subjects are named after it. */
  readonly recordName: string
}

type Json = { readonly [name: string]: unknown }

class RegistryClient implements Registry {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #ca: string | undefined
  readonly #known = new LRUCache<number, Known>({ max: maxSchemas })
  /** By id and topic. */
  readonly #refused = new LRUCache<string, Rejected>({ max: maxSchemas, ttl: refusalMs })
  /** One request per id, however many ask for it. */
  readonly #asking = new Map<number, Promise<Known | Rejected>>()

  constructor({ url, username, password, token, ca }: RegistryOptions) {
    this.#ca = ca
    const base = new URL(url)
    assert.ok(base.username === '' && base.password === '', 'credentials do not belong into the URL')
    this.#base = base.href.replace(/\/+$/, '')
    const basic = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64')
    this.#headers = {
      accept: 'application/vnd.schemaregistry.v1+json, application/json',
      ...(token !== undefined ? { authorization: `Bearer ${token}` } : {}),
      ...(token === undefined && basic !== undefined ? { authorization: `Basic ${basic}` } : {}),
    }
  }

  async schema(id: number, topic: string): Promise<FetchedSchema | Rejected> {
    if (!Number.isInteger(id) || id < 1 || id > maxId) return badId
    const known = this.#known.get(id)
    if (known !== undefined && belongs(known, topic)) return known.schema
    const key = `${id} ${topic}`
    const refused = this.#refused.get(key)
    if (refused !== undefined) return refused
    // A refusal makes dead letters, so we ask the registry now and don't rely on what it said for another topic.
    const answer = await this.#ask(id, known)
    if (!(answer instanceof Rejected) && belongs(answer, topic)) return answer.schema
    const refusal = answer instanceof Rejected ? answer : otherSubject
    this.#refused.set(key, refusal)
    return refusal
  }

  async register(subject: string, schema: string): Promise<number> {
    const { status, body } = await this.#request(`/subjects/${encodeURIComponent(subject)}/versions`, { schema })
    if (status === 409) throw new RegistryError('incompatible', `${subject} takes no such schema`)
    const id = status === 200 && isObject(body) ? body['id'] : undefined
    if (typeof id !== 'number') throw new RegistryError('invalid', `the registry answered ${status} to a registration`)
    return id
  }

  async isCompatible(subject: string, schema: string): Promise<boolean> {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest`
    const answer = await this.#request(path, { schema })
    if (isAbsent(answer)) return true // There is no version yet.
    const { status, body } = answer
    const compatible = status === 200 && isObject(body) ? body['is_compatible'] : undefined
    if (typeof compatible !== 'boolean')
      throw new RegistryError('invalid', `the registry answered ${status} to a check`)
    return compatible
  }

  /** With `known`, which is what we have so far, only the subjects are asked for. */
  #ask(id: number, known: Known | undefined): Promise<Known | Rejected> {
    const asked = this.#asking.get(id)
    if (asked !== undefined) return asked
    const asking = this.#fetch(id, known)
      .then((answer) => {
        if (!(answer instanceof Rejected)) this.#known.set(id, answer)
        return answer
      })
      .finally(() => this.#asking.delete(id))
    this.#asking.set(id, asking)
    return asking
  }

  async #fetch(id: number, known: Known | undefined): Promise<Known | Rejected> {
    if (known !== undefined) return { ...known, subjects: await this.#subjects(id) }
    const answer = await this.#request(`/schemas/ids/${id}`)
    if (isAbsent(answer)) return unknown
    if (answer.body === undefined) return tooLong
    const found = schemaOf(answer)
    if (found['schemaType'] !== undefined && found['schemaType'] !== 'AVRO') return notAvro
    const recordName = fullName(found.schema)
    const references = await this.#references(found)
    if (references instanceof Rejected) return references
    return { schema: { text: found.schema, references }, subjects: await this.#subjects(id), recordName }
  }

  /** Not every registry can tell; then the schema is accepted. */
  async #subjects(id: number): Promise<readonly string[] | undefined> {
    const { status, body } = await this.#request(`/schemas/ids/${id}/versions`)
    if (status !== 200) return undefined
    if (!Array.isArray(body)) throw notARegistry(status)
    return body.flatMap((version: unknown) => (isObject(version) ? [String(version['subject'])] : []))
  }

  /** The texts of all schemas it refers to, each after the ones it refers to itself. */
  async #references(schema: Json): Promise<readonly string[] | Rejected> {
    const texts: string[] = []
    const seen = new Set<string>()
    const resolve = async (within: Json): Promise<boolean> => {
      const references = within['references'] ?? []
      if (!Array.isArray(references)) return false
      for (const reference of references as unknown[]) {
        if (!isObject(reference)) return false
        const { subject, version } = reference
        if (typeof subject !== 'string' || !Number.isInteger(version)) return false
        const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
        if (seen.has(path)) continue
        if (seen.add(path).size > maxReferences) return false
        const answer = await this.#request(path)
        if (isAbsent(answer) || answer.body === undefined) return false
        const found = schemaOf(answer)
        if (!(await resolve(found))) return false
        texts.push(found.schema)
      }
      return true
    }
    return (await resolve(schema)) ? texts : badReferences
  }

  /**
   * An answer from the registry: JSON with status 200, or with an error code.
   * @throws RegistryError if it can't be reached, is not well, or refuses us, or if something else answers
   */
  async #request(path: string, content?: Json): Promise<Answer> {
    let answer: Answered
    try {
      answer = await ask(this.#base + path, {
        headers: content
          ? { ...this.#headers, 'content-type': 'application/vnd.schemaregistry.v1+json' }
          : this.#headers,
        ...(content ? { body: JSON.stringify(content) } : {}),
        ca: this.#ca,
        timeoutMs,
        maxBytes: maxAnswerBytes,
      })
    } catch (cause) {
      throw new RegistryError('unavailable', 'the schema registry does not answer', { cause })
    }
    const { status, text } = answer
    if (status === 401) throw new RegistryError('refused', 'the registry does not take the user or its password (401)')
    if (status === 403) throw new RegistryError('refused', 'the registry denies this user the right (403)')
    if (status === 429 || status >= 500)
      throw new RegistryError('unavailable', `the schema registry answered ${status}`)
    if (text === undefined && status === 200 && isJson(answer)) return { status, body: undefined }
    const body = text !== undefined && isJson(answer) ? parse(text) : undefined
    const isError = isObject(body) && Number.isInteger(body['error_code'])
    if (body === undefined || isError === (status === 200)) throw notARegistry(status)
    return { status, body }
  }
}

function isJson({ contentType }: Answered): boolean {
  return contentType.includes('json')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Not JSON, so not from a registry.
  }
}

function notARegistry(status: number): RegistryError {
  return new RegistryError('not_a_registry', `what answers at the registry's address is no registry (status ${status})`)
}

function isAbsent({ status, body }: Answer): boolean {
  return status === 404 && isObject(body) && absentCodes.has(body['error_code'])
}

function belongs({ subjects, recordName }: Known, topic: string): boolean {
  return (
    subjects === undefined || subjects.some((name) => name === `${topic}-value` || name === `${topic}-${recordName}`)
  )
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws RegistryError if this is not an answer to a request for a schema */
function schemaOf({ status, body }: Answer): Json & { readonly schema: string } {
  const schema = status === 200 && isObject(body) ? body['schema'] : undefined
  if (typeof schema !== 'string') throw notARegistry(status)
  return { ...(body as Json), schema }
}

/** Empty if the text is not a named schema: the decoder will refuse it. */
function fullName(schema: string): string {
  try {
    const { namespace, name } = JSON.parse(schema) as { namespace?: unknown; name?: unknown }
    const isFull = typeof namespace !== 'string' || namespace === '' || String(name).includes('.')
    return isFull ? String(name) : `${namespace}.${String(name)}`
  } catch {
    return '' // Not JSON.
  }
}
