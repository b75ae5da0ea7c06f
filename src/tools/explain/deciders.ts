import { earlierEngine, type Unlike } from '../../earlier.ts'
import type { ActionFormat } from '../../emit/encode-action.ts'
import type { Engine } from '../../engine.ts'
import type { Enrichment } from '../../enrich/enrichment.ts'
import type { Event } from '../../events/event.ts'
import { Pipeline } from '../../pipeline.ts'
import type { Rules } from '../../profiles/profile-rows.ts'
import { readSchema } from '../../schema-files.ts'
import type { OpenDecision } from '../../slice-input.ts'
import { compileStages } from '../../stages.ts'
import type { StoryStore } from './story.ts'

/** The code that folds and decides as it did under some rules and settings. */
export interface Decider {
  readonly engine: Engine
  readonly pipeline: Pipeline
  readonly rules: Rules
}

/** What a replay of one customer's events is given. */
export interface Given {
  /** What was derived from an event when it came. */
  readonly enrichmentOf: (event: Event) => Enrichment
  readonly onDecision: (open: OpenDecision, engine: Engine) => void
}

/** The engines of all rules and settings that were met, each compiled once. */
export class Deciders {
  readonly present: Engine
  readonly #texts: Pick<StoryStore, 'policy' | 'settings'>
  readonly #engines = new Map<string, Engine | Unlike>()

  constructor(present: Engine, texts: Pick<StoryStore, 'policy' | 'settings'>) {
    this.present = present
    this.#texts = texts
  }

  /** @param settings '' for the present ones @throws StoreError */
  async engine(policy: string, settings: string): Promise<Engine | Unlike> {
    const key = `${policy} ${settings}`
    let engine = this.#engines.get(key)
    if (engine === undefined) {
      engine = await this.#find(policy, settings)
      this.#engines.set(key, engine)
    }
    return engine
  }

  async #find(policy: string, settings: string): Promise<Engine | Unlike> {
    const { present } = this
    const isOwn = settings === '' || settings === present.settings.hash
    const text = isOwn ? '' : await this.#texts.settings(settings)
    return earlierEngine(present, {
      policyText: policy === present.policy.version ? present.policyText : await this.#texts.policy(policy),
      settingsText: text && withoutGeo(text),
    })
  }
}

/** What an event's location was is stored with it, so the database is not asked again, and may have changed. */
function withoutGeo(text: string): string {
  try {
    const settings = JSON.parse(text)
    return JSON.stringify({ ...settings, enrich: { ...settings.enrich, geo: '' } })
  } catch {
    // It is none of beckon; who reads it says so.
    return text
  }
}

export function deciderOf(engine: Engine, { enrichmentOf, onDecision }: Given): Decider {
  const stages = compileStages(engine, formatOf(engine))
  return {
    engine,
    pipeline: new Pipeline(
      {
        ...stages,
        enrich: enrichmentOf,
        decidesAlways: true,
        onDecision: (open) => onDecision(open, engine),
      },
      'rethrow',
    ),
    rules: { features: engine.features, timers: engine.policy.timers, policy: engine.policy.version },
  }
}

/** Actions are encoded for their size alone, so any schema id will do. */
const formatOf = ({ config }: Engine): ActionFormat =>
  config.output.format === 'json' ? 'json' : { wire: { schemaId: 1, schema: readSchema('action') } }
