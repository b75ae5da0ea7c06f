import { getDomain } from 'tldts'
import type { Event } from '../events/event.ts'
import { type Campaign, directReferrer, noReferrer, type Referrer } from './enrichment.ts'
import { memo } from './memo.ts'
import { findSource, maxHostChars } from './sources/find.ts'
import { eachParameter, hostOf, originOf, queryOf } from './url.ts'

const maxSites = 10_000

/** All there is to know about the start of a URL; cached, so that an event costs a look-up or two. */
interface Site {
  readonly host: string
  /** The registrable domain; empty for IP addresses and the like. */
  readonly domain: string
  readonly isInternal: boolean
  readonly asInternal: Referrer
  readonly asReferrer: Referrer
  /** For search engines: the query parameters that hold the search. */
  readonly termParameters: readonly string[]
}

/**
 * The event's referrer. It is internal if it is one of the operator's sites, or has the same registrable domain as the
 * event's URL. AI assistants often send no referrer and tag their links instead; so without a referrer we check whether
 * `utm_source` names one. A text that names no host (`$direct`, `-`) counts as no referrer.
 */
export function compileReferrer(
  options: { readonly internalDomains: readonly string[] } | null,
): (event: Event, campaign: Campaign) => Referrer {
  if (options === null) return () => noReferrer
  const internalDomains = options.internalDomains.map((domain) => domain.toLowerCase())
  const siteOf = memo(maxSites, (origin) => describe(hostOf(origin), internalDomains))

  return (event, campaign) => {
    const { referrer, url } = event
    if (referrer === '') return fromCampaign(campaign)
    const origin = originOf(referrer)
    const site = siteOf(origin)
    if (site.host === '') return fromCampaign(campaign)
    if (site.isInternal || isSameSite(origin, site, url)) return site.asInternal
    return site.termParameters.length === 0 ? site.asReferrer : withTerm(site, referrer)
  }

  function fromCampaign(campaign: Campaign): Referrer {
    if (campaign.source === '') return directReferrer
    const named = siteOf(`//${campaign.source}`).asReferrer
    return named.class === 'ai' ? named : directReferrer
  }

  function isSameSite(origin: string, site: Site, url: string): boolean {
    if (url.startsWith(origin) && url.charCodeAt(origin.length) === 0x2f) return true // /
    const own = siteOf(originOf(url))
    return own.host !== '' && (own.host === site.host || (own.domain !== '' && own.domain === site.domain))
  }
}

function describe(text: string, internalDomains: readonly string[]): Site {
  const host = text.length > maxHostChars ? '' : text
  const { class: kind, source, termParameters } = findSource(host)
  return {
    host,
    domain: getDomain(host, { allowPrivateDomains: true }) ?? '',
    isInternal: internalDomains.some((domain) => host === domain || host.endsWith(`.${domain}`)),
    asInternal: Object.freeze<Referrer>({ class: 'internal', source: '', host, term: '' }),
    asReferrer: Object.freeze<Referrer>({ class: kind, source, host, term: '' }),
    termParameters,
  }
}

function withTerm({ asReferrer, termParameters }: Site, referrer: string): Referrer {
  const query = queryOf(referrer)
  if (query === '') return asReferrer
  let term = ''
  eachParameter(query, (name, value) => {
    if (term === '' && termParameters.includes(name)) term = value
  })
  return term === '' ? asReferrer : { ...asReferrer, term }
}
