import { getPublicSuffix } from 'tldts'
import type { ReferrerClass } from '../enrichment.ts'
import { aiSources } from './ai.ts'
import { mailSources } from './mail.ts'
import { searchSources } from './search.ts'
import { shoppingSources } from './shopping.ts'
import { socialSources, videoSources } from './social.ts'
import type { Source, SourceEntry } from './source.ts'

/** The longest name in the DNS: a longer text is neither a host nor a source. */
export const maxHostChars = 253

const unknown: Source = { class: 'other', source: '', termParameters: [] }

/**
 * How providers name the host of their mail or their search. A site's own search only leads to pages of that site, so a
 * visit from another site's search comes from a search engine.
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

/** Sources by host, by their other names in `utm_source`, and by their name in lower case. */
const sources: ReadonlyMap<string, Source> = compile([
  ['search', searchSources],
  ['mail', mailSources],
  ['social', socialSources],
  ['shopping', shoppingSources],
  ['ai', aiSources],
])

export const isVideo = (source: string): boolean => videoSources.has(source)

/**
 * The most specific source that a host or a `utm_source` names.
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
  // Only labels below the registered domain count: in `mail.example` it is just a name, `mail.provider.example` is mail.
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
