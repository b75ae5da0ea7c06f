import {
  type Campaign,
  type ChannelGroup,
  type Device,
  type Enrichment,
  noAgent,
  noCampaign,
  noGeo,
  type ReferrerClass,
} from '../enrich/enrichment.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import type { CustomerEvent } from './event-history.ts'

/**
 * An event read back from its row in the store: all that a feature's expression can name (`features/moment.ts`), and nothing
 * else. The columns are those that `pastEventColumns` selects, parsed from JSON; `event-row.ts` writes them.
 */
export type PastEventColumns = readonly [
  customer: string,
  position: string,
  id: string,
  type: string,
  timeMs: string,
  url: string,
  value: number | null,
  numbers: Readonly<Record<string, number>>,
  strings: Readonly<Record<string, string>>,
  booleans: Readonly<Record<string, boolean>>,
  /** Lists, maps and null, as JSON. */
  nested: Readonly<Record<string, string>>,
  traits: Readonly<Record<string, string>>,
  device: string,
  browser: string,
  os: string,
  bot: boolean,
  referrerClass: string,
  country: string,
  context: Readonly<Record<string, string>>,
  sessionIndex: number,
  sessionStartMs: string,
]

export const pastEventColumns = `
  customer, position, id, type, toUnixTimestamp64Milli(time), url, value, numbers, strings, booleans, nested, traits,
  device, browser, os, bot, referrer_class, country, context, session_index, toUnixTimestamp64Milli(session_start)`

export function toPastEvent(columns: PastEventColumns): CustomerEvent {
  const [customer, position, id, type, timeMs, url, value, numbers, strings, booleans, nested, traits, ...derived] =
    columns
  const [device, browser, os, bot, referrerClass, country, context, sessionIndex, sessionStartMs] = derived
  const text = (name: string) => context[name] ?? ''
  const event = new Event()
  event.id = id
  event.customer = customer
  event.type = type
  event.timeMs = Number(timeMs)
  event.url = url
  event.title = text('title')
  event.referrer = text('referrer')
  event.locale = text('locale')
  event.timezone = text('timezone')
  event.channel = text('channel')
  event.currency = text('currency')
  if (value !== null) event.value = value
  event.properties = toProperties([
    ...Object.entries(numbers),
    ...Object.entries(strings),
    ...Object.entries(booleans),
    ...Object.entries(nested).map(([name, json]): [string, Value] => [name, JSON.parse(json)]),
  ])
  const typed = text('typed_traits')
  event.traits = toProperties(
    typed === ''
      ? Object.entries(traits)
      : Object.entries({ ...traits, ...(JSON.parse(typed) as Record<string, Value>) }),
  )
  const campaign = toCampaign(text)
  const isDirect = referrerClass === 'direct' && campaign === noCampaign
  const enrichment: Enrichment = {
    agent: { ...noAgent, device: device as Device, browser, os, bot },
    campaign,
    referrer: { class: referrerClass as ReferrerClass, source: text('referrer_source'), host: '', term: '' },
    channelGroup: isDirect ? 'direct' : (text('channel_group') as ChannelGroup),
    geo: country === '' && text('city') === '' ? noGeo : { ...noGeo, country, city: text('city') },
  }
  return {
    customer,
    position: Number(position),
    event,
    enrichment,
    sessionIndex,
    sessionStartMs: Number(sessionStartMs),
  }
}

function toProperties(entries: readonly (readonly [name: string, value: Value])[]): Properties {
  if (entries.length === 0) return Properties.empty
  return new Properties(
    entries.map(([name]) => name),
    entries.map(([, value]) => value),
  )
}

function toCampaign(text: (name: string) => string): Campaign {
  const campaign: Campaign = {
    source: text('campaign_source'),
    medium: text('campaign_medium'),
    name: text('campaign_name'),
    term: text('campaign_term'),
    content: text('campaign_content'),
    clickId: text('campaign_click_id'),
    network: text('campaign_network'),
  }
  return Object.values(campaign).every((value) => value === '') ? noCampaign : campaign
}
