import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { compileEnricher } from '../../src/enrich/enrich.ts'
import { Event } from '../../src/events/event.ts'
import { Pipeline } from '../../src/pipeline.ts'
import { compileStages } from '../../src/stages.ts'
import { MemoryProfiles } from '../../src/tools/replay/memory-profiles.ts'
import { plain, sampleBatch, sampled, sampleEngine, startMs } from './profile.ts'

/** What the same events are folded to by one `foldVersion`, so that one which folds otherwise does not keep the number. */
export interface GoldenFold {
  readonly profile: ReturnType<typeof plain>
  /** The values of the records that were published: actions and dead letters. */
  readonly records: readonly string[]
  readonly enriched: readonly ReturnType<ReturnType<typeof compileEnricher>>[]
  /** SHA-256 of the lists of known sources. */
  readonly sources: string
  /** What reads the user agents, the bots, the domains and the expressions, by its version. */
  readonly readers: Readonly<Record<string, string>>
}

const readers = ['@marcbachmann/cel-js', 'isbot', 'mmdb-lib', 'my-ua-parser', 'tldts']
const root = new URL('../../../', import.meta.url)

/** Of several kinds: the pages, where one came from, and what one came with. */
const visits: readonly (readonly [url: string, referrer: string, userAgent: string])[] = [
  [
    'https://shop.test/?utm_source=news&utm_medium=email&utm_campaign=may',
    '',
    'Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0',
  ],
  ['https://shop.test/?gclid=x1', 'https://www.google.com/', 'Googlebot/2.1 (+http://www.google.com/bot.html)'],
  ['https://shop.test/p/1', 'https://duckduckgo.com/?q=red+shoes', 'okhttp/4.12.0'],
  [
    'https://shop.test/p/1',
    'https://chatgpt.com/',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Version/17.4 Safari/604.1',
  ],
  ['https://shop.test/p/2', 'https://old.shop.test/start', 'Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) TV Safari/537.36'],
  [
    'https://shop.test/p/2',
    'https://mail.google.com/',
    'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) Version/16.6 Safari/604.1',
  ],
]

/** The sample events and visits as the code of today folds them. */
export async function sampleFold(): Promise<GoldenFold> {
  const engine = sampleEngine()
  const pipeline = new Pipeline(compileStages(engine, 'json'))
  const profiles = new MemoryProfiles(engine.policy.timers)
  const nowMs = startMs + 86_400_000
  const batch = await sampleBatch()
  const { records } = pipeline.fold(batch, 0, pipeline.decode(batch, 0, batch.count, nowMs), profiles, nowMs)
  return JSON.parse(
    JSON.stringify({
      profile: plain(engine, profiles.of(sampled)),
      records: records.map(({ value }) => String(value)),
      enriched: enrichVisits(),
      sources: hashOfSources(),
      readers: Object.fromEntries(readers.map((name) => [name, versionOf(name)])),
    }),
  )
}

function enrichVisits(): GoldenFold['enriched'] {
  const referrer = { internalDomains: ['shop.test'] }
  const enrich = compileEnricher({ userAgent: true, bot: true, campaign: true, referrer, geo: null })
  return visits.map(([url, from, userAgent]) => enrich(Object.assign(new Event(), { url, referrer: from, userAgent })))
}

function hashOfSources(): string {
  const folder = new URL('src/enrich/sources/', root)
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(new URL(name, folder)))
  return hash.digest('hex')
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, root), 'utf8')).version
}
