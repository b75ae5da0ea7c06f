import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** A referrer or a user agent of a public list, and what the list says of it. */
export interface Sample {
  readonly list: string
  readonly text: string
  /** A class of referrers, a kind of device, `bot`, or `no bot`. */
  readonly wanted: string
  /** Whose it is: the samples of one provider are held out together. */
  readonly provider: string
}

const yaml = (...path: string[]) => parse(readFileSync(join(...path), 'utf8'))
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))
const hostOf = (host: string) => `https://${host.replace('{}.', 'de.').replace('.{}', '.de').replace(/^\.+/, '')}`

const classes: Readonly<Record<string, string>> = {
  search: 'search',
  email: 'mail',
  social: 'social',
  chatbot: 'ai',
  unknown: 'other',
}

/** `searchengine-and-social-list` of matomo-org, CC0-1.0. */
function matomo(folder: string): Sample[] {
  const of = (file: string) => Object.entries<(string | { urls: string[] })[]>(yaml(folder, file))
  const samples = (file: string, wanted: string) =>
    of(file).flatMap(([provider, hosts]) =>
      hosts
        .flatMap((entry) => (typeof entry === 'string' ? entry : entry.urls))
        .map((host) => ({ list: `Matomo, ${file}`, text: hostOf(host), wanted, provider })),
    )
  return [
    ...samples('SearchEngines.yml', 'search'),
    ...samples('Socials.yml', 'social'),
    ...samples('AIAssistants.yml', 'ai'),
  ]
}

/** `referer-parser` of snowplow-referer-parser: its list, and the cases that its parsers are tested with. */
function snowplow(folder: string): Sample[] {
  type List = Record<string, Record<string, { domains: string[] }>>
  const listed = Object.entries<List[string]>(yaml(folder, 'resources/referers.yml'))
    .filter(([medium]) => medium in classes)
    .flatMap(([medium, providers]) =>
      Object.entries(providers).flatMap(([provider, { domains }]) =>
        domains.map((host) => ({
          list: `Snowplow, referers.yml, ${medium}`,
          text: `https://${host}`,
          wanted: classes[medium]!,
          provider,
        })),
      ),
    )
  const cases: { uri: string; medium: string; source: string }[] = json(folder, 'resources/referer-tests.json')
  const tested = cases
    .filter(({ uri, medium }) => uri !== '' && medium in classes)
    .map(({ uri, medium, source }) => ({
      list: `Snowplow, referer-tests.json, ${medium}`,
      text: uri,
      wanted: classes[medium]!,
      provider: source ?? uri,
    }))
  return [...listed, ...tested]
}

const devices: Readonly<Record<string, string>> = {
  smartphone: 'mobile',
  phablet: 'mobile',
  'feature phone': 'mobile',
  tablet: 'tablet',
  tv: 'tv',
  wearable: 'wearable',
  console: 'console',
  desktop: 'desktop',
  'car browser': 'car',
}

/** The test fixtures of matomo-org's `device-detector`, LGPL-3.0. */
function deviceDetector(folder: string): Sample[] {
  interface Fixture {
    readonly user_agent: string
    readonly bot?: unknown
    readonly device?: { readonly type: string }
    readonly client?: { readonly type: string }
    readonly headers?: unknown
  }
  const fixtures = join(folder, 'Tests/fixtures')
  const seen = new Set<string>()
  return readdirSync(fixtures)
    .filter((file) => file.endsWith('.yml'))
    .flatMap((file): Fixture[] => yaml(fixtures, file))
    .flatMap(({ user_agent: text, bot, device, client, headers }) => {
      if (headers !== undefined || seen.has(text)) return []
      seen.add(text)
      const sample = (kind: string, wanted: string) => ({
        list: `device-detector, ${kind}`,
        text,
        wanted,
        provider: text,
      })
      if (bot !== undefined) return sample('bots', 'bot')
      const kind = devices[device?.type ?? '']
      return [
        ...(kind === undefined ? [] : [sample(device!.type, kind)]),
        ...(client?.type === 'mobile app' ? [sample('apps', 'no bot')] : []),
      ]
    })
}

/** `crawler-user-agents` of monperrus, MIT. */
function crawlers(folder: string): Sample[] {
  const list: { pattern: string; instances: string[] }[] = json(folder, 'crawler-user-agents.json')
  return list.flatMap(({ pattern, instances }) =>
    instances.map((text) => ({ list: 'crawler-user-agents', text, wanted: 'bot', provider: pattern })),
  )
}

/** `top-user-agents` of microlinkhq, MIT. */
function browsers(folder: string): Sample[] {
  const of = (kind: string): Sample[] =>
    (json(folder, `src/${kind}.json`) as string[]).map((text) => ({
      list: `top-user-agents, ${kind}`,
      text,
      wanted: 'no bot',
      provider: text,
    }))
  return [...of('desktop'), ...of('mobile')]
}

const readers = {
  'searchengine-and-social-list': matomo,
  'referer-parser': snowplow,
  'device-detector': deviceDetector,
  'crawler-user-agents': crawlers,
  'top-user-agents': browsers,
} as const

/**
 * The samples of the lists that lie in a folder, each under its repository's name.
 * @throws {Error} where none of them is there
 */
export function samplesIn(folder: string): Sample[] {
  const found = Object.entries(readers).filter(([name]) => existsSync(join(folder, name)))
  if (found.length === 0) throw new Error(`${folder} has none of ${Object.keys(readers).join(', ')}`)
  return found.flatMap(([name, read]) => read(join(folder, name)))
}
