import { type EarlierTexts, earlierEngine, Unlike } from './earlier.ts'
import type { ActionFormat } from './emit/encode-action.ts'
import { type Engine, keepsCases } from './engine.ts'
import { settingsOf } from './fold-settings.ts'
import type { Registry } from './ingest/registry/registry.ts'
import { Rejected } from './ingest/rejected.ts'
import { journalCodec } from './journal/journal.ts'
import type { Log } from './log/log.ts'
import { createMetrics, type Metrics } from './ops/metrics.ts'
import type { Outages } from './ops/outages.ts'
import { Pipeline } from './pipeline.ts'
import { journalSchemas, readSchema } from './schema-files.ts'
import { compileStages } from './stages.ts'
import type { ClickHouseClient } from './store/clickhouse/client.ts'
import { createEventHistory } from './store/clickhouse/event-history.ts'
import type { InsertObserver } from './store/clickhouse/insert-queue.ts'
import { readPolicy, readSettings } from './store/clickhouse/policies.ts'
import { createWriter } from './store/clickhouse/writer.ts'
import { policiesTable, writePolicyRow } from './store/policy-row.ts'
import type { ProfileStore } from './store/profile-store.ts'
import { RowBuffer, type RowChunk } from './store/row-binary.ts'
import { settingsTable, writeSettingsRow } from './store/settings-row.ts'
import { SliceRows } from './store/slice-rows.ts'
import type { Decider, TaskDeps } from './task/deps.ts'
import { FoldQueue } from './task/fold-queue.ts'

/** What talks to the world on behalf of the tasks. */
interface Parts {
  readonly log: Log
  readonly clickhouse: ClickHouseClient
  readonly store: ProfileStore
  readonly registry: Registry | undefined
  readonly logger: Outages
  readonly metrics: Metrics
}

/** What only the service that runs the tasks knows. */
type Own = Pick<TaskDeps, 'partitions' | 'topicId' | 'profileBytes' | 'pause' | 'seek'>

interface Made {
  readonly deps: TaskDeps
  /** The same under other rules, whose text is in the store by then. */
  readonly under: (engine: Engine) => Promise<TaskDeps>
}

/** What all tasks share. It also starts to write the rules and settings to the store. @throws RegistryError */
export async function createTaskDeps(engine: Engine, parts: Parts, own: Own): Promise<Made> {
  const { config } = engine
  const { log, clickhouse, store, registry, logger, metrics } = parts
  const format = await actionFormat(engine, registry)
  const rows = createWriter({
    client: clickhouse,
    maxPendingBytes: config.clickhouse.max_pending_mb * 1024 * 1024,
    observer: insertObserver(metrics, logger),
  })
  rows.write(settingsTable, settingsRow(engine))
  rows.write(policiesTable, policyRow(engine))
  const textsStored = rows.whenStored()
  // If the process ends first, nobody may be waiting for it.
  textsStored.catch(() => undefined)
  const ruled = (by: Engine) => ({
    ...decider(by, format, registry),
    earlier: async (policy: string, settings: string) => {
      const earlier = earlierEngine(by, await readTexts(clickhouse, by, policy, settings))
      return earlier instanceof Unlike ? earlier : decider(earlier, replayFormat(by, earlier, format), registry)
    },
  })
  const deps: TaskDeps = {
    log,
    groupId: config.kafka.group,
    ...ruled(engine),
    textsStored,
    journal: journalCodec(config.output.journal, journalSchemas()),
    journalTopic: config.output.journal,
    topics: config.topics.map(({ name }) => name),
    store,
    history: createEventHistory(clickhouse),
    rows,
    sliceRows: new SliceRows(),
    metrics,
    logger,
    folding: new FoldQueue(),
    maxSliceEvents: config.slice.max_events,
    checkpointMs: config.slice.checkpoint,
    ...own,
  }
  const under = async (by: Engine) => {
    rows.write(policiesTable, policyRow(by))
    await rows.whenStored()
    return { ...deps, ...ruled(by) }
  }
  return { deps, under }
}

export const metricsOf = ({ config, policy, features }: Engine): Metrics =>
  createMetrics(
    policy.names,
    config.topics.map(({ name }) => name),
    features.features.map(({ name }) => name),
  )

const decider = (engine: Engine, format: ActionFormat, registry: Registry | undefined): Decider => ({
  pipeline: new Pipeline(compileStages(engine, format), 'rethrow'),
  careful: new Pipeline(compileStages(engine, format)),
  features: engine.features,
  timers: engine.policy.timers,
  hasOthersDue: engine.policy.held.size > 0 || keepsCases(engine),
  policy: engine.policy.version,
  settings: engine.settings.hash,
  fetchSchema: (topic, id, nowMs) => fetchSchema(engine, registry, topic, id, nowMs),
})

/** Asks the store only for texts that differ from the engine's own. @throws StoreError */
async function readTexts(
  client: ClickHouseClient,
  engine: Engine,
  policyHash: string,
  settingsHash: string,
): Promise<EarlierTexts> {
  const isOwn = settingsHash === '' || settingsHash === engine.settings.hash
  return {
    policyText: policyHash === engine.policy.version ? engine.policyText : await readPolicy(client, policyHash),
    settingsText: isOwn ? '' : await readSettings(client, settingsHash),
  }
}

/** A replay encodes actions only for their size, so any schema id will do. */
function replayFormat(engine: Engine, earlier: Engine, format: ActionFormat): ActionFormat {
  const [now, then] = [engine.config.output.format, earlier.config.output.format]
  if (now === then) return format
  return then === 'json' ? 'json' : { wire: { schemaId: 1, schema: readSchema('action') } }
}

/** Every policy that ever decided is kept, by its hash, with the time of its last start and the settings at that time. */
export function policyRow({ config, policy, policyText }: Engine): RowChunk {
  const row = new RowBuffer(4 * 1024)
  writePolicyRow(row, policy.version, policyText, JSON.stringify(settingsOf(config)), Date.now())
  return row.take()
}

function settingsRow({ settings: { hash, text } }: Engine): RowChunk {
  const row = new RowBuffer(4 * 1024)
  writeSettingsRow(row, hash, text, Date.now())
  return row.take()
}

async function actionFormat({ config }: Engine, registry: Registry | undefined): Promise<ActionFormat> {
  const { format, schema_id: schemaId, actions } = config.output
  if (format === 'json') return 'json'
  const schema = readSchema('action')
  if (format === 'wire' || !registry) return { wire: { schemaId, schema } }
  return { wire: { schemaId: await registry.register(`${actions}-value`, schema), schema } }
}

async function fetchSchema(engine: Engine, registry: Registry | undefined, topic: string, id: number, nowMs: number) {
  const schema = registry ? await registry.schema(id, topic) : new Rejected('unknown_schema', 'there is no registry')
  engine.decoders.get(topic)?.addSchema(id, schema, nowMs)
}

function insertObserver(metrics: Metrics, logger: Outages): InsertObserver {
  return {
    stored(table, _rows, _bytes, seconds) {
      metrics.insertSeconds.observe({ table }, seconds)
      metrics.storeUp.set(1)
      logger.answered('clickhouse')
    },
    failed(table, error) {
      metrics.insertFailures.inc({ table })
      metrics.storeUp.set(0)
      logger.warn('insert.failed', { table, code: error.serverCode, error })
    },
    quarantined(table, error) {
      metrics.unstorableRows.inc({ table })
      logger.error('row.unstorable', { table, code: error.serverCode, type: error.type })
    },
  }
}
