import type { Event } from '../events/event.ts'
import { compileCampaign } from './campaign.ts'
import { compileChannelGroup } from './channel-group.ts'
import { type Enrichment, noCampaign, noGeo } from './enrichment.ts'
import { compileGeo, type GeoReader } from './geo.ts'
import { compileReferrer } from './referrer.ts'
import { compileAgent } from './user-agent.ts'

/** Which enrichments are on. If one is off, its fields stay empty. */
export interface EnrichOptions {
  readonly userAgent: boolean
  readonly bot: boolean
  readonly campaign: boolean
  /** `internalDomains`: the operator's own sites, each with its subdomains. null: off. */
  readonly referrer: { readonly internalDomains: readonly string[] } | null
  /** null: off. */
  readonly geo: { readonly reader: GeoReader } | null
}

/** Enriches events. What it derives is kept in bounded caches, so use one enricher for a stream, not several. */
export function compileEnricher(options: EnrichOptions): (event: Event) => Enrichment {
  const readAgent = compileAgent(options.userAgent, options.bot)
  const readCampaign = options.campaign ? compileCampaign() : () => noCampaign
  const readReferrer = compileReferrer(options.referrer)
  const channelGroupOf = compileChannelGroup()
  const readGeo = options.geo === null ? () => noGeo : compileGeo(options.geo.reader)

  return (event) => {
    const campaign = readCampaign(event)
    const referrer = readReferrer(event, campaign)
    return {
      agent: readAgent(event),
      campaign,
      referrer,
      channelGroup: channelGroupOf(campaign, referrer),
      geo: readGeo(event),
    }
  }
}
