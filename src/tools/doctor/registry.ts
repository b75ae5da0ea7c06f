/** Checks of the Schema Registry. */
import { readFileSync } from 'node:fs'
import type { Config } from '../../config/schema.ts'
import { UnknownSchema } from '../../ingest/decode.ts'
import { ask } from '../../ingest/registry/ask.ts'
import { Rejected } from '../../ingest/rejected.ts'
import { fail, ok, skip, type Verdict, warn } from './check.ts'
import type { World } from './world.ts'

type RegistryConfig = NonNullable<Config['registry']>

const answerMs = 5_000
const maxAnswerBytes = 1024 * 1024

async function askFor(
  registry: RegistryConfig,
  path: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { url, username, password = '', tls } = registry
  const headers: Record<string, string> = { accept: 'application/vnd.schemaregistry.v1+json, application/json' }
  if (username !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  }
  const ca = tls && readFileSync(tls.ca_file, 'utf8')
  const asked = { headers, ca, timeoutMs: answerMs, maxBytes: maxAnswerBytes }
  const { status, text = '{}' } = await ask(url.replace(/\/+$/, '') + path, asked)
  return { status, body: (JSON.parse(text) ?? {}) as Record<string, unknown> }
}

export async function checkRegistry({ config: { registry } }: World): Promise<Verdict> {
  if (registry === undefined) return skip('no registry is configured')
  let answer: Awaited<ReturnType<typeof askFor>>
  try {
    answer = await askFor(registry, '/config')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).name
    return fail(`${registry.url} does not answer as a registry: ${why}`, 'is it up, and is registry.url its root?')
  }
  if (answer.status === 401 || answer.status === 403) {
    return fail(`the registry answers ${answer.status}`, 'set registry.username and registry.password')
  }
  if (answer.status !== 200) {
    return warn(`the registry answers ${answer.status} to /config`, 'is registry.url the root of a Schema Registry?')
  }
  const level = answer.body['compatibilityLevel'] ?? answer.body['compatibility']
  if (level !== 'NONE') return ok(`reachable, compatibility level ${String(level ?? 'not told')}`)
  return warn('the compatibility level is NONE', 'set it to BACKWARD: any producer may break the schema of the events')
}

/** Whether the newest schema of each input topic gives what its mapping wants. */
export async function checkSchemas(world: World): Promise<Verdict> {
  const { registry } = world.config
  const topics = world.config.topics.filter(({ format }) => format === 'registry')
  if (registry === undefined || topics.length === 0) return skip('no topic has the format registry')
  const good: string[] = []
  const unregistered: string[] = []
  const bad: string[] = []
  for (const { name: topic } of topics) {
    const subject = `${topic}-value`
    const { status, body } = await askFor(registry, `/subjects/${encodeURIComponent(subject)}/versions/latest`)
    if (status === 404 && [40401, 40402].includes(Number(body['error_code']))) unregistered.push(subject)
    else if (status !== 200) bad.push(`${subject}: the registry answers ${status}`)
    else {
      const why = await whyUnusable(world, topic, Number(body['id']))
      if (why === undefined) good.push(`${subject} version ${Number(body['version'])}`)
      else bad.push(`${subject} version ${Number(body['version'])}: ${why}`)
    }
  }
  if (bad.length > 0) return fail(bad.join('; '), "correct the topic's mapping, or register a schema that it fits")
  if (unregistered.length > 0) {
    return warn(
      `nothing registered yet: ${unregistered.join(', ')}`,
      'the first producer registers it; or correct the topic',
    )
  }
  return ok(good.join(', '))
}

async function whyUnusable(world: World, topic: string, id: number): Promise<string | undefined> {
  const schema = await world.registry()!.schema(id, topic)
  const nowMs = Date.now()
  const decoder = world.engine().decoders.get(topic)!
  decoder.addSchema(id, schema, nowMs)
  // A record without content: with a usable schema it is found truncated; an unusable schema is refused before that.
  const wire = Buffer.alloc(5)
  wire.writeInt32BE(id, 1)
  const answer = decoder.decode(wire, nowMs)
  if (answer instanceof UnknownSchema || !(answer instanceof Rejected)) return undefined
  const ofSchema = ['unknown_schema', 'schema_not_allowed', 'bad_schema', 'unresolvable', 'depth']
  return ofSchema.includes(answer.reason) ? answer.detail : undefined
}
