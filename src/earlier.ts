import type { Config } from './config/schema.ts'
import { compileFolding, type Engine, withRules } from './engine.ts'
import type { GeoDatabase } from './enrich/mmdb/geo-database.ts'
import { geoNames } from './features/moment.ts'
import { type FoldSettings, parseFoldSettings, withHash } from './fold-settings.ts'
import { foldVersion } from './fold-version.ts'

/** Why input can't be folded again as it was: whether the policy or the settings differ, in what, and what to do. */
export class Unlike {
  readonly reason: 'policy' | 'settings'
  readonly detail: string

  constructor(reason: Unlike['reason'], detail: string) {
    this.reason = reason
    this.detail = detail
  }
}

/** The texts of an earlier policy and earlier settings, from the store; undefined where it has none with that hash. */
export interface EarlierTexts {
  readonly policyText: string | undefined
  /** '' for input from before settings were recorded: it is folded under the present ones. */
  readonly settingsText: string | undefined
}

/** The engine as it was under earlier rules and settings. Parts that did not change are the same objects. */
export function earlierEngine(engine: Engine, { policyText, settingsText }: EarlierTexts): Engine | Unlike {
  if (policyText === undefined) return new Unlike('policy', 'the table policies does not have it')
  if (settingsText === undefined) return new Unlike('settings', 'the table settings does not have them')
  const ruled = policyText === engine.policyText ? engine : withRules(engine, policyText)
  if (ruled === undefined) return new Unlike('policy', 'this version of beckon does not take its rules')
  return settingsText === '' || settingsText === engine.settings.text ? ruled : withSettings(ruled, settingsText)
}

function withSettings(engine: Engine, text: string): Engine | Unlike {
  let settings: FoldSettings
  try {
    settings = parseFoldSettings(text)
  } catch {
    return new Unlike('settings', 'the table settings has another text for them, which is none of beckon')
  }
  const { fold, made_by: madeBy } = settings
  if (fold !== foldVersion) {
    const versions = `beckon ${madeBy.beckon} folds as of ${fold}, and this one as of ${foldVersion}`
    return new Unlike('settings', `${versions}: run beckon ${madeBy.beckon} until it has saved`)
  }
  const geo = geoOf(settings.enrich.geo, engine)
  if (geo instanceof Unlike) return geo
  const config = configOf(settings, engine.config)
  const schemas = new Map(config.topics.flatMap(({ name, schema }) => (schema === undefined ? [] : [[name, schema]])))
  const faults: string[] = []
  try {
    const folding = compileFolding(config, { schemas, geo }, (path, fault) => {
      faults.push(`${path.join('.')}: ${(fault as Error).message}`)
    })
    if (faults.length === 0) return { ...engine, ...folding, config, geo, settings: withHash(text) }
  } catch (fault) {
    faults.push((fault as Error).message)
  }
  return new Unlike('settings', `this version of beckon does not take them: ${faults.join('; ')}`)
}

/** The geo database of that time. If it has changed since, that only matters to rules that read a customer's location. */
function geoOf(sha256: string, { geo, policyText }: Engine): GeoDatabase | undefined | Unlike {
  if (sha256 === '') return undefined
  if (sha256 === geo?.sha256) return geo
  const read = [...geoNames].filter((name) => new RegExp(`\\b${name}\\b`).test(policyText))
  if (read.length === 0) return geo
  const now = geo === undefined ? 'there is none now' : `now it is ${geo.sha256}`
  const why = `the rules read ${read.join(' and ')}`
  const mend = 'put that file back as enrich.geo_database until it has saved'
  return new Unlike('settings', `the geo database had the SHA-256 ${sha256}, ${now}, and ${why}: ${mend}`)
}

/** The idle time of a session stays as it is: it belongs to the rules. */
function configOf({ topics, enrich, dedupe, limits, output }: FoldSettings, config: Config): Config {
  const { geo: _sha256, session, ...switches } = enrich
  return {
    ...config,
    topics: [...topics],
    enrich: { ...config.enrich, ...switches, session: { ...config.enrich.session, max: session.max } },
    dedupe,
    limits,
    output: { ...config.output, ...output },
  }
}
