import { getPublicSuffix } from 'tldts'
import type { ReferrerClass } from '../enrichment.ts'
import { aiSources } from './ai.ts'
import { mailSources } from './mail.ts'
import { searchSources } from './search.ts'
import { shoppingSources } from './shopping.ts'
import { socialSources, videoSources } from './social.ts'
import type { Source, SourceEntry } from './source.ts'

/** A text longer than the longest name in the DNS is no host's, and no source's. */
export const maxHostChars = 253

const unknown: Source = { class: 'other', source: '', termParameters: [] }

/**
 * What a provider calls the host of its mail or its search. A site's own search leads to pages of the same site, so a
 * visit that comes from somebody else's is from a search engine.
 */
const named: readonly (readonly [label: RegExp, source: Source])[] = [
  [
    /^(?:(?:web|e-?|w|ex|my|light|fast|safe)?mail(?:er)?\d*|correo(?:web)?|poczta|posta|messagerie(?:pro)?\d*|mailbusiness|owa|roundcube|squirrelmail|horde|zimbra)$/,
    { class: 'mail', source: '', termParameters: [] },
  ],
  [
    /^(?:(?:i|web|my|image|video|blog)?search(?:es)?\d*|suche|recherches?|buscador|buscar?|szukaj|hledani|hledej|ricerca|pesquisa|zoeken|haku|poisk)$/,
    { class: 'search', source: '', termParameters: ['q', 'query'] },
  ],
]

/** Sources by host, by what `utm_source` calls them, and by their name in lower case. */
const sources: ReadonlyMap<string, Source> = compile([
  ['search', searchSources],
  ['mail', mailSources],
  ['social', socialSources],
  ['shopping', shoppingSources],
  ['ai', aiSources],
])

export const isVideo = (source: string): boolean => videoSources.has(source)

/**
 * The source that a host or a `utm_source` names, the most specific one.
 * @param name in lower case
 */
export function findSource(name: string): Source {
  if (name.length > maxHostChars) return unknown
  const suffix = getPublicSuffix(name) ?? ''
  const starred = (host: string) => (host.endsWith(`.${suffix}`) ? `${host.slice(0, -suffix.length)}*` : '')
  const get = (host: string) => sources.get(host) ?? sources.get(starred(host))

  const exact = get(name) ?? get(name.replace(/^(www|m)\./, ''))
  if (exact !== undefined) return exact
  for (let dot = 0; dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const entry = get(dot === 0 ? `.${name}` : name.slice(dot))
    if (entry !== undefined) return entry
  }
  // Below the domain that was registered: mail.example is somebody's name, mail.provider.example tells what it is.
  const labels = name
    .slice(0, -suffix.length - 1)
    .split('.')
    .slice(0, -1)
  return named.find(([label]) => labels.some((text) => label.test(text)))?.[1] ?? unknown
}

function compile(
  lists: readonly (readonly [kind: ReferrerClass, entries: readonly SourceEntry[]])[],
): ReadonlyMap<string, Source> {
  const byName = new Map<string, Source>()
  const byHost = new Map<string, Source>()
  for (const [kind, entries] of lists) {
    for (const [source, hosts, termParameters = ''] of entries) {
      const entry: Source = { class: kind, source, termParameters: termParameters.split(' ').filter((p) => p !== '') }
      byName.set(source.toLowerCase(), entry)
      for (const host of hosts.split(' ')) byHost.set(host, entry)
    }
  }
  return new Map([...byName, ...byHost])
}
