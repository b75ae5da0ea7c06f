import { type Enrichment, noCampaign, noGeo } from '../enrich/enrichment.ts'
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
    'type',
    'time',
    'session_id',
    'url',
    'value',
    'numbers',
    'strings',
    'booleans',
    'nested',
    'traits',
    'device',
    'browser',
    'browser_version',
    'os',
    'os_version',
    'bot',
    'referrer_class',
    'country',
    'context',
    'session_index',
    'session_start',
    'late',
    'duplicate',
  ],
}

/**
 * Writes one row of `events`. The row is a function of its arguments alone, so a replay writes the same bytes again.
 * Null properties are left out; of a property sent twice the last one is written, as `Properties.get` reads it. The raw
 * user agent is not stored: what it says is in the columns, and it can single a person out.
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
  row.string(event.type)
  row.dateTime64(event.timeMs)
  row.string(event.sessionId)
  row.string(event.url)
  row.nullableF64(event.value)
  writeTypedMaps(row, event.properties)
  writeTextMap(row, event.traits)
  const { agent, referrer, geo } = enrichment
  row.string(agent.device)
  row.string(agent.browser)
  row.string(agent.browserVersion)
  row.string(agent.os)
  row.string(agent.osVersion)
  row.bool(agent.bot)
  row.string(referrer.class)
  row.string(geo.country)
  writeContext(row, event, enrichment)
  row.u32(sessionIndex)
  row.dateTime64(sessionStartMs)
  row.bool(late)
  row.bool(duplicate)
  row.endRow()
}

/** What most events have none of, as one map: a column costs the server as much for an empty value as for a full one. */
const names: string[] = []
const values: string[] = []

function writeContext(row: RowBuffer, event: Event, { agent, campaign, referrer, geo }: Enrichment): void {
  names.length = 0
  values.length = 0
  note('anonymous_id', event.anonymousId)
  if (event.receivedAtMs !== 0) note('received_at', String(event.receivedAtMs))
  note('title', event.title)
  note('referrer', event.referrer)
  if (event.ip !== '') note('ip', truncateIp(event.ip))
  note('locale', event.locale)
  note('timezone', event.timezone)
  note('channel', event.channel)
  note('currency', event.currency)
  note('device_vendor', agent.deviceVendor)
  note('device_model', agent.deviceModel)
  if (campaign !== noCampaign) {
    note('campaign_source', campaign.source)
    note('campaign_medium', campaign.medium)
    note('campaign_name', campaign.name)
    note('campaign_term', campaign.term)
    note('campaign_content', campaign.content)
    note('campaign_click_id', campaign.clickId)
    note('campaign_network', campaign.network)
  }
  note('referrer_source', referrer.source)
  note('referrer_host', referrer.host)
  note('referrer_term', referrer.term)
  if (geo !== noGeo) {
    note('region', geo.region)
    note('city', geo.city)
    if (!Number.isNaN(geo.latitude)) note('latitude', String(geo.latitude))
    if (!Number.isNaN(geo.longitude)) note('longitude', String(geo.longitude))
    note('geo_timezone', geo.timezone)
    if (geo.asn !== 0) note('asn', String(geo.asn))
    note('organization', geo.organization)
  }
  row.varint(names.length)
  for (let i = 0; i < names.length; i++) {
    row.string(names[i]!)
    row.string(values[i]!)
  }
}

function note(name: string, value: string): void {
  if (value === '') return
  names.push(name)
  values.push(value)
}
