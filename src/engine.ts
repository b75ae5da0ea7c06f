import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfigError, type Fault } from './config/fault.ts'
import type { LoadedConfig } from './config/load.ts'
import { checkMapping } from './config/mapping-check.ts'
import type { Config, TopicConfig } from './config/schema.ts'
import { mappingOf } from './config/topic-mapping.ts'
import { compilePolicy } from './decide/compile-policy.ts'
import { compileContactPolicy, noContactPolicy } from './decide/contact-policy/compile.ts'
import { asksWhere } from './decide/contact-policy/declaration.ts'
import type { ActionDeclaration, GateDeclaration, Policy } from './decide/policy.ts'
import { compileEnricher, type EnrichOptions } from './enrich/enrich.ts'
import type { Enrichment } from './enrich/enrichment.ts'
import { type GeoDatabase, openGeoDatabase } from './enrich/mmdb/geo-database.ts'
import type { Event } from './events/event.ts'
import { type Adapt, asItIs, ExpressionFault, isVariableName } from './expressions/expression.ts'
import { compileFeatures, type FeatureSet, type OnFault } from './features/features.ts'
import { actionVariables } from './features/moment.ts'
import { findUnfitValues } from './features/value-types.ts'
import { foldSettingsOf, type SettingsText } from './fold-settings.ts'
import { compileDecoder, type Decoder } from './ingest/decode.ts'
import { nameOf } from './ingest/mapping.ts'
import { Rejected } from './ingest/rejected.ts'
import { readSchema } from './schema-files.ts'

/** A compiled configuration: all that a slice needs, without I/O. */
export interface Engine {
  readonly config: Config
  readonly features: FeatureSet
  readonly policy: Policy
  readonly rules: Rules
  /** The rules as JSON: what `policy.version` is the hash of. */
  readonly policyText: string
  /** The decoder of each input topic. */
  readonly decoders: ReadonlyMap<string, Decoder>
  readonly enrich: (event: Event) => Enrichment
  readonly geo: GeoDatabase | undefined
  /** Everything besides the rules that decides how events are folded. */
  readonly settings: SettingsText
}

/** Whether a case may be open: something could tell what came of an action. */
export const keepsCases = ({ policy, config }: Pick<Engine, 'policy' | 'config'>): boolean =>
  policy.goals.size > 0 || config.topics.some(({ role }) => role === 'outcomes')

/** Reports a fault at a path of the configuration. */
type Note = (path: readonly PropertyKey[], fault: unknown) => void

/**
 * Compiles what the configuration declares, and reads the files that it names (schemas, the geo database). `beckon check`
 * and `beckon run` both call it, so what one accepts the other does.
 * @throws ConfigError with the faults of all expressions and files at once, and those found while loading
 */
export function compileEngine({ config, source, faults: known }: LoadedConfig): Engine {
  const faults: Fault[] = [...known]
  const note: Note = (path, fault) => {
    const offset = fault instanceof ExpressionFault ? fault.position : 0
    faults.push(source.fault(path, (fault as Error).message, offset))
  }
  const rules = compileRules(config, note)
  const files = readFiles(config, note)
  const folding = compileFolding(config, files, note)
  for (const [index, topic] of config.topics.entries()) {
    const schema = files.schemas.get(topic.name)
    if (schema === undefined || !folding.decoders.has(topic.name)) continue
    checkMapping(topic, schema, (path, fault) => note(['topics', index, 'mapping', ...path], fault))
  }
  findUnfitValues(config.features, (declaration, path, fault) => {
    note(['features', config.features.indexOf(declaration), ...path], fault)
  })
  if (faults.length > 0) throw new ConfigError(faults)
  const settings = foldSettingsOf(config, files.schemas, files.geo?.sha256 ?? '')
  return { config, ...rules, ...folding, geo: files.geo, settings }
}

/** The same engine under the earlier rules in `policyText`; undefined where this version can't compile them. */
export function withRules(engine: Engine, policyText: string): Engine | undefined {
  let faults = 0
  try {
    const rules = compileRules(JSON.parse(policyText) as Rules, () => faults++)
    if (faults > 0) return undefined
    const { enrich } = engine.config
    const session = { ...enrich.session, ...rules.rules.enrich.session }
    return { ...engine, ...rules, config: { ...engine.config, enrich: { ...enrich, session } } }
  } catch {
    // Another version wrote it, in another shape.
    return undefined
  }
}

/** The same engine, in which actions, gates and computed features read what `adapt` makes of their variables. */
export const withVariables = (engine: Engine, adapt: Adapt): Engine => ({
  ...engine,
  ...compileRules(engine.rules, () => undefined, adapt),
})

/** All that decides, as declared. The idle time of a session is a rule too, since session windows end after that gap. */
export interface Rules extends Pick<Config, 'features' | 'actions' | 'arbitration'> {
  /** Not there in rules that had none: their hash is as it was. */
  readonly gates?: Config['gates']
  readonly holdout?: Config['holdout']
  readonly contact_policy?: Config['contact_policy']
  readonly enrich: { readonly session: Pick<Config['enrich']['session'], 'idle'> }
}

function compileRules(
  { features: declared, actions, gates = [], contact_policy, arbitration, holdout, enrich: { session } }: Rules,
  note: (path: readonly PropertyKey[], fault: unknown) => void,
  adapt = asItIs,
): Pick<Engine, 'features' | 'policy' | 'rules' | 'policyText'> {
  const own = new Set(actionVariables.map(({ name }) => name))
  const isTaken = (name: string) => own.has(name) || !isVariableName(name)
  for (const [index, { name }] of declared.entries()) {
    const whose = own.has(name) ? "what expressions call the event's own" : "a word of CEL's own"
    if (isTaken(name)) note(['features', index, 'name'], new Error(`${name} is ${whose}`))
  }
  // A feature that is declared twice is reported elsewhere.
  const once = declared.filter(({ name }, index) => declared.findIndex((other) => other.name === name) === index)
  const noteFeature: OnFault = (declaration, path, fault) => {
    note(['features', declared.indexOf(declaration), ...path], fault)
  }
  const features = compileFeatures(once, session.idle, noteFeature, asksWhere(contact_policy), adapt)
  const { idle } = session
  const about = {
    ...(gates.length > 0 ? { gates } : {}),
    ...(contact_policy === undefined ? {} : { contact_policy }),
  }
  const held = holdout === undefined ? {} : { holdout }
  const rules: Rules = { features: declared, actions, ...about, arbitration, ...held, enrich: { session: { idle } } }
  const policyText = JSON.stringify(rules)
  const contactPolicy =
    contact_policy === undefined
      ? noContactPolicy
      : compileContactPolicy(contact_policy, actions, features.whereabouts, (path, fault) =>
          note(['contact_policy', ...path], fault),
        )
  const policy = compilePolicy(
    actions,
    arbitration,
    features.features.filter(({ name }) => !isTaken(name)),
    createHash('sha256').update(policyText).digest('hex').slice(0, 32),
    (declaration, path, fault) => {
      note(['actions', (actions as readonly ActionDeclaration[]).indexOf(declaration), ...path], fault)
    },
    gates,
    (declaration, path, fault) =>
      note(['gates', (gates as readonly GateDeclaration[]).indexOf(declaration), ...path], fault),
    holdout,
    (path, fault) => note(['arbitration', ...path], fault),
    contactPolicy,
    adapt,
  )
  return { features, policy, rules, policyText }
}

/** Contents of the files that the configuration names. */
interface Files {
  /** By the topic. */
  readonly schemas: ReadonlyMap<string, string>
  readonly geo: GeoDatabase | undefined
}

function readFiles({ topics, enrich }: Config, note: Note): Files {
  const schemas = new Map<string, string>()
  for (const [index, { name, role, schema, format, mapping }] of topics.entries()) {
    try {
      if (schema !== undefined) schemas.set(name, readFileSync(schema, 'utf8'))
      // The topic has our own schema, without a registry.
      else if (needsSchema(format) && mapping === undefined) schemas.set(name, readSchema(ownSchemas[role ?? 'events']))
    } catch {
      note(['topics', index, 'schema'], new Error(`can't read ${schema}`))
    }
  }
  try {
    return { schemas, geo: enrich.geo_database === undefined ? undefined : openGeoDatabase(enrich.geo_database) }
  } catch (fault) {
    note(['enrich', 'geo_database'], fault)
    return { schemas, geo: undefined }
  }
}

/** The decoders and the enricher: what an event goes through before the rules. */
export function compileFolding(
  { topics, limits, enrich }: Pick<Config, 'topics' | 'limits' | 'enrich'>,
  { schemas, geo }: Files,
  note: Note,
): Pick<Engine, 'decoders' | 'enrich'> {
  const decoders = new Map<string, Decoder>()
  for (const [index, topic] of topics.entries()) {
    const schema = schemas.get(topic.name)
    // Its file could not be read, or it has a mapping and names no schema: both are reported already.
    if (schema === undefined && (topic.schema !== undefined || needsSchema(topic.format))) continue
    const decoder = topicDecoder(topic, schema, limits, (path, fault) => note(['topics', index, ...path], fault))
    if (decoder) decoders.set(topic.name, decoder)
  }
  return { decoders, enrich: compileEnricher(enrichOptions(enrich, geo)) }
}

/** Our own schema of each role's records. */
const ownSchemas = { events: 'event', outcomes: 'outcome', traits: 'event', consent: 'consent' } as const

const needsSchema = (format: TopicConfig['format']) => format === 'wire' || format === 'avro'

const formats = { registry: 'confluent', wire: 'confluent-file', avro: 'avro', json: 'json' } as const

function topicDecoder(
  topic: TopicConfig,
  schema: string | undefined,
  limits: Config['limits'],
  onFault: (path: readonly string[], fault: unknown) => void,
): Decoder | undefined {
  let isFaulty = false
  const mapping = mappingOf(topic, (path, fault) => {
    isFaulty = true
    onFault(['mapping', ...path], fault)
  })
  if (isFaulty) return undefined
  const decoder = compileDecoder({
    format: formats[topic.format],
    maxBytes: limits.max_event_kb * 1024,
    ...(schema === undefined ? {} : { schema }),
    ...(mapping === undefined ? {} : { mapping }),
  })
  if (!(decoder instanceof Rejected)) return decoder
  const [field] = decoder.fields
  const isMapped = topic.mapping !== undefined && field !== undefined
  onFault(isMapped ? ['mapping', nameOf(field, mapping)] : ['schema'], new Error(decoder.detail))
  return undefined
}

function enrichOptions(enrich: Config['enrich'], geo: GeoDatabase | undefined): EnrichOptions {
  return {
    userAgent: enrich.user_agent,
    bot: enrich.bots,
    campaign: enrich.campaign,
    referrer: enrich.referrer ? { internalDomains: enrich.internal_domains } : null,
    geo: geo === undefined ? null : { reader: geo.read },
  }
}
