/**
 * A client of a Schema Registry with Confluent's HTTP interface. What it answers is as little trusted as an event: the
 * address is fixed, an id is checked before it becomes part of a URL, redirects are not followed, an answer is JSON of
 * at most 1 MiB within 5 s. That there is no such schema is data (`Rejected`); that the registry can't say is thrown.
 */

import assert from 'node:assert/strict'
import { LRUCache } from 'lru-cache'
import type { FetchedSchema } from '../decode.ts'
import { Rejected, rejected } from '../rejected.ts'

const timeoutMs = 5_000
const maxAnswerBytes = 1024 * 1024
const maxReferences = 16
const maxId = 2 ** 31 - 1
const maxSchemas = 1_000
/** How long it is remembered that a schema does not exist. */
const absentMs = 60_000

const badId = rejected('unknown_schema', 'a schema id is at least 1')
const unknown = rejected('unknown_schema', 'the registry has no such schema')
const notAvro = rejected('schema_not_allowed', 'the schema is not an Avro schema')
const otherSubject = rejected('schema_not_allowed', 'the schema does not belong to the topic')
const badAnswer = rejected('bad_schema', "the registry's answer is not a schema")
const badReferences = rejected('bad_schema', "the schema's references are too many or can't be resolved")

export interface RegistryOptions {
  /** Without credentials in it; with the path of the interface, if it has one. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** A bearer token, instead of username and password. */
  readonly token?: string | undefined
}

/** `unavailable`: try again. `refused`: the credentials don't suffice. `incompatible`: the subject takes no such schema. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: 'unavailable' | 'refused' | 'incompatible' | 'invalid'

  constructor(code: RegistryError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get retriable(): boolean {
    return this.code === 'unavailable'
  }
}

export interface Registry {
  /** The Avro schema of that id, if it belongs to the values of the topic. @throws RegistryError */
  schema(id: number, topic: string): Promise<FetchedSchema | Rejected>
  /** Registers an Avro schema, or finds it registered. @returns its id @throws RegistryError */
  register(subject: string, schema: string): Promise<number>
  /** Whether the subject would take the schema, by the rule that it is set to. @throws RegistryError */
  isCompatible(subject: string, schema: string): Promise<boolean>
}

export function connectRegistry(options: RegistryOptions): Registry {
  return new RegistryClient(options)
}

interface Answer {
  readonly status: number
  /** undefined where the body is not JSON of acceptable size. */
  readonly body: unknown
}

interface Known {
  readonly schema: FetchedSchema
  /** undefined where the registry can't tell. */
  readonly subjects: readonly string[] | undefined
  /** The record's full name, by which some subjects are named. */
  readonly recordName: string
}

type Json = { readonly [name: string]: unknown }

class RegistryClient implements Registry {
  readonly #base: string
  readonly #headers: Record<string, string>
  readonly #known = new LRUCache<number, Known | Rejected>({ max: maxSchemas })
  /** One request for an id, however many ask. */
  readonly #asking = new Map<number, Promise<Known | Rejected>>()

  constructor({ url, username, password, token }: RegistryOptions) {
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
    const known = this.#known.get(id) ?? (await this.#ask(id))
    if (known instanceof Rejected) return known
    const { subjects, recordName, schema } = known
    const belongs = (subject: string) => subject === `${topic}-value` || subject === `${topic}-${recordName}`
    return subjects === undefined || subjects.some(belongs) ? schema : otherSubject
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
    const { status, body } = await this.#request(path, { schema })
    if (status === 404) return true // There is no version yet.
    const compatible = status === 200 && isObject(body) ? body['is_compatible'] : undefined
    if (typeof compatible !== 'boolean')
      throw new RegistryError('invalid', `the registry answered ${status} to a check`)
    return compatible
  }

  #ask(id: number): Promise<Known | Rejected> {
    const asked = this.#asking.get(id)
    if (asked !== undefined) return asked
    const asking = this.#fetch(id)
      .then((known) => {
        if (known instanceof Rejected) this.#known.set(id, known, { ttl: absentMs })
        else this.#known.set(id, known)
        return known
      })
      .finally(() => this.#asking.delete(id))
    this.#asking.set(id, asking)
    return asking
  }

  async #fetch(id: number): Promise<Known | Rejected> {
    const { status, body } = await this.#request(`/schemas/ids/${id}`)
    if (status === 404) return unknown
    const found = status === 200 ? schemaOf(body) : undefined
    if (found === undefined) return badAnswer
    if (found['schemaType'] !== undefined && found['schemaType'] !== 'AVRO') return notAvro
    const recordName = fullName(found.schema)
    const references = await this.#references(found)
    if (references instanceof Rejected) return references
    return { schema: { text: found.schema, references }, subjects: await this.#subjects(id), recordName }
  }

  /** Not every registry can tell; then the schema is taken. */
  async #subjects(id: number): Promise<readonly string[] | undefined> {
    const { status, body } = await this.#request(`/schemas/ids/${id}/versions`)
    if (status !== 200 || !Array.isArray(body)) return undefined
    return body.flatMap((version: unknown) => (isObject(version) ? [String(version['subject'])] : []))
  }

  /** The texts of all schemas that it refers to, each after those that it refers to itself. */
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
        const { status, body } = await this.#request(path)
        const found = status === 200 ? schemaOf(body) : undefined
        if (found === undefined || !(await resolve(found))) return false
        texts.push(found.schema)
      }
      return true
    }
    return (await resolve(schema)) ? texts : badReferences
  }

  /** @throws RegistryError where the registry can't be reached, is not well, or refuses. */
  async #request(path: string, content?: Json): Promise<Answer> {
    let response: Response
    let text: string | undefined
    try {
      response = await fetch(this.#base + path, {
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
        headers: content
          ? { ...this.#headers, 'content-type': 'application/vnd.schemaregistry.v1+json' }
          : this.#headers,
        ...(content ? { method: 'POST', body: JSON.stringify(content) } : {}),
      })
      text = await boundedText(response)
    } catch (cause) {
      throw new RegistryError('unavailable', 'the schema registry does not answer', { cause })
    }
    const { status } = response
    if (status === 401 || status === 403) throw new RegistryError('refused', `the schema registry answered ${status}`)
    if (status === 429 || status >= 500)
      throw new RegistryError('unavailable', `the schema registry answered ${status}`)
    const body = parse(response, text)
    // A 404 that is not the registry's own comes from something in its place: nothing is known of the schema then.
    if (status === 404 && body === undefined)
      throw new RegistryError('unavailable', 'there is no schema registry there')
    return { status, body }
  }
}

/** undefined where the body is too long; the rest of it is not read. */
async function boundedText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parse(response: Response, text: string | undefined): unknown {
  if (text === undefined || !(response.headers.get('content-type') ?? '').includes('json')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Whatever it is, it is no answer of a registry.
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function schemaOf(body: unknown): (Json & { readonly schema: string }) | undefined {
  if (!isObject(body) || typeof body['schema'] !== 'string' || body['error_code'] !== undefined) return undefined
  return { ...body, schema: body['schema'] }
}

/** Empty where the text is not a named schema: the decoder will refuse it. */
function fullName(schema: string): string {
  try {
    const { namespace, name } = JSON.parse(schema) as { namespace?: unknown; name?: unknown }
    return typeof namespace === 'string' && namespace !== '' ? `${namespace}.${String(name)}` : String(name)
  } catch {
    return '' // Not JSON.
  }
}
