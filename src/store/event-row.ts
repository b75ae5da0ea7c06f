import type { Enrichment } from '../enrich/enrichment.ts'
import type { Event } from '../events/event.ts'
import { writeTextMap, writeTypedMaps } from './property-maps.ts'
import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'
import { truncateIp } from './truncate-ip.ts'

/** The columns in the order in which `writeEventRow` writes them. */
export const eventsTable: Table = {
  name: 'events',
  columns: [
    'topic',
    'partition',
    'offset',
    'id',
    'customer',
    'anonymous_id',
    'type',
    'time',
    'received_at',
    'session_id',
    'url',
    'title',
    'referrer',
    'user_agent',
    'ip',
    'locale',
    'timezone',
    'channel',
    'value',
    'currency',
    'numbers',
    'strings',
    'booleans',
    'nested',
    'traits',
    'device',
    'device_vendor',
    'device_model',
    'browser',
    'browser_version',
    'os',
    'os_version',
    'bot',
    'campaign_source',
    'campaign_medium',
    'campaign_name',
    'campaign_term',
    'campaign_content',
    'campaign_click_id',
    'campaign_network',
    'referrer_class',
    'referrer_source',
    'referrer_host',
    'referrer_term',
    'country',
    'region',
    'city',
    'latitude',
    'longitude',
    'geo_timezone',
    'asn',
    'organization',
    'session_index',
    'session_start',
    'late',
    'duplicate',
  ],
}

/**
 * Writes one row of `events`. The row is a function of its arguments alone, so a replay writes the same bytes again.
 * Null properties are left out; of a property sent twice the last one is written, as `Properties.get` reads it.
 */
export function writeEventRow(
  row: RowBuffer,
  topic: string,
  partition: number,
  offset: number,
  event: Event,
  enrichment: Enrichment,
  sessionIndex: number,
  sessionStartMs: number,
  late: boolean,
  duplicate: boolean,
): void {
  row.string(topic)
  row.u16(partition)
  row.u64(offset)
  row.string(event.id)
  row.string(event.customer)
  row.string(event.anonymousId)
  row.string(event.type)
  row.dateTime64(event.timeMs)
  row.dateTime64(event.receivedAtMs)
  row.string(event.sessionId)
  row.string(event.url)
  row.string(event.title)
  row.string(event.referrer)
  row.string(event.userAgent)
  row.string(truncateIp(event.ip))
  row.string(event.locale)
  row.string(event.timezone)
  row.string(event.channel)
  row.nullableF64(event.value)
  row.string(event.currency)
  writeTypedMaps(row, event.properties)
  writeTextMap(row, event.traits)
  const { agent, campaign, referrer, geo } = enrichment
  row.string(agent.device)
  row.string(agent.deviceVendor)
  row.string(agent.deviceModel)
  row.string(agent.browser)
  row.string(agent.browserVersion)
  row.string(agent.os)
  row.string(agent.osVersion)
  row.bool(agent.bot)
  row.string(campaign.source)
  row.string(campaign.medium)
  row.string(campaign.name)
  row.string(campaign.term)
  row.string(campaign.content)
  row.string(campaign.clickId)
  row.string(campaign.network)
  row.string(referrer.class)
  row.string(referrer.source)
  row.string(referrer.host)
  row.string(referrer.term)
  row.string(geo.country)
  row.string(geo.region)
  row.string(geo.city)
  row.nullableF64(geo.latitude)
  row.nullableF64(geo.longitude)
  row.string(geo.timezone)
  row.u32(geo.asn)
  row.string(geo.organization)
  row.u32(sessionIndex)
  row.dateTime64(sessionStartMs)
  row.bool(late)
  row.bool(duplicate)
  row.endRow()
}
