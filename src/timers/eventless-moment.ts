import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { Event } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'

/** What is evaluated where there is no event, but a customer. */
export function eventlessMoment(
  { customer, session, traits, groups }: Pick<Moment, 'session' | 'traits' | 'groups'> & { readonly customer: string },
  asOfMs: number,
): Moment {
  const event = new Event()
  event.customer = customer
  return { event, enrichment: noEnrichment, session, traits, groups, asOfMs }
}

export const noEnrichment = { agent: noAgent, campaign: noCampaign, referrer: noReferrer, geo: noGeo }
