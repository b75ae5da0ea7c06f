import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { Event } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'

/** What expressions are evaluated against when there is a customer but no event. */
export function eventlessMoment(
  profile: Pick<Moment, 'session' | 'traits' | 'groups' | 'notReady'> & { readonly customer: string },
  asOfMs: number,
): Moment {
  const { customer, session, traits, groups, notReady } = profile
  const event = new Event()
  event.customer = customer
  return { event, enrichment: noEnrichment, session, traits, groups, notReady, asOfMs }
}

export const noEnrichment = {
  agent: noAgent,
  campaign: noCampaign,
  referrer: noReferrer,
  channelGroup: '' as const,
  geo: noGeo,
}
