import { type Agent, type Enrichment, noCampaign, noGeo } from '../enrich/enrichment.ts'
import type { Event } from '../events/event.ts'
import type { FoldedEvent } from '../slice-output.ts'
import { nonTextsOf, writeTextMap, writeTypedMaps } from './property-maps.ts'
import { encodeSegment, type RowBuffer, type Segment } from './row-binary.ts'
import type { Table } from './table.ts'
import { truncateIp } from './truncate-ip.ts'

/** The columns in the order in which `writeEventRow` writes them. */
export const eventsTable: Table = {
  name: 'events',
  columns: {
    topic: 'String',
    partition: 'UInt16',
    offset: 'UInt64',
    position: 'UInt64',
    id: 'String',
    customer: 'String',
    type: 'String',
    time: 'DateTime64(3)',
    session_id: 'String',
    url: 'String',
    value: 'Nullable(Float64)',
    numbers: 'Map(String, Float64)',
    strings: 'Map(String, String)',
    booleans: 'Map(String, Bool)',
    nested: 'Map(String, String)',
    traits: 'Map(String, String)',
    device: 'String',
    browser: 'String',
    browser_version: 'String',
    os: 'String',
    os_version: 'String',
    bot: 'Bool',
    referrer_class: 'String',
    country: 'String',
    context: 'Map(String, String)',
    session_index: 'UInt32',
    session_start: 'DateTime64(3)',
    late: 'Bool',
    duplicate: 'Bool',
  },
}

/**
 * Writes one row of `events`. The row depends on the arguments alone, so a replay writes the same bytes again. If a property
 * was sent twice, the last one is written, which is also what `Properties.get` reads. The raw user agent is not stored: what it
 * says is in the columns, and it can identify a person.
 */
export function writeEventRow(
  row: RowBuffer,
  topic: string,
  partition: number,
  { offset, position, event, enrichment, sessionIndex, sessionStartMs, late, duplicate }: FoldedEvent,
): void {
  row.segment(originSegment(topic, partition))
  row.u64(offset)
  row.u64(position)
  row.string(event.id)
  row.string(event.customer)
  row.string(event.type)
  row.dateTime64(event.timeMs)
  row.string(event.sessionId)
  row.string(event.url)
  row.nullableF64(event.value)
  writeTypedMaps(row, event.properties)
  writeTextMap(row, event.traits)
  const { referrer, geo } = enrichment
  const agent = agentSegments(enrichment.agent)
  row.segment(agent.columns)
  row.string(referrer.class)
  row.string(geo.country)
  writeContext(row, event, enrichment, agent)
  row.u32(sessionIndex)
  row.dateTime64(sessionStartMs)
  row.bool(late)
  row.bool(duplicate)
  row.endRow()
}

let origin = encodeSegment(() => undefined)
let originTopic = ''
let originPartition = -1

/** Rows come one partition at a time, so the encoded topic and partition are kept for the next row. */
function originSegment(topic: string, partition: number): Segment {
  if (topic === originTopic && partition === originPartition) return origin
  origin = encodeSegment((row) => {
    row.string(topic)
    row.u16(partition)
  })
  originTopic = topic
  originPartition = partition
  return origin
}

/** The encoded parts that all events of a user agent share. */
interface AgentSegments {
  readonly columns: Segment
  /** Its entries of the column `context`. */
  readonly context: Segment
  readonly entries: number
}

/** Events share agent objects; the segments live as long as these do. */
const agents = new WeakMap<Agent, AgentSegments>()

function agentSegments(agent: Agent): AgentSegments {
  let segments = agents.get(agent)
  if (segments === undefined) {
    const columns = encodeSegment((row) => {
      row.string(agent.device)
      row.string(agent.browser)
      row.string(agent.browserVersion)
      row.string(agent.os)
      row.string(agent.osVersion)
      row.bool(agent.bot)
    })
    let entries = 0
    const context = encodeSegment((row) => {
      entries += note(row, 'device_vendor', agent.deviceVendor)
      entries += note(row, 'device_model', agent.deviceModel)
    })
    segments = { columns, context, entries }
    agents.set(agent, segments)
  }
  return segments
}

/** Puts what most events do not have into one map: an empty column costs the server as much as a full one. */
function writeContext(
  row: RowBuffer,
  event: Event,
  { campaign, referrer, channelGroup, geo }: Enrichment,
  agent: AgentSegments,
): void {
  const at = row.openMap()
  let entries = note(row, 'anonymous_id', event.anonymousId)
  if (event.receivedAtMs !== 0) entries += note(row, 'received_at', String(event.receivedAtMs))
  entries += note(row, 'title', event.title)
  entries += note(row, 'referrer', event.referrer)
  if (event.ip !== '') entries += note(row, 'ip', truncateIp(event.ip))
  entries += note(row, 'locale', event.locale)
  entries += note(row, 'timezone', event.timezone)
  entries += note(row, 'channel', event.channel)
  entries += note(row, 'currency', event.currency)
  row.segment(agent.context)
  entries += agent.entries
  const before = entries
  if (campaign !== noCampaign) {
    entries += note(row, 'campaign_source', campaign.source)
    entries += note(row, 'campaign_medium', campaign.medium)
    entries += note(row, 'campaign_name', campaign.name)
    entries += note(row, 'campaign_term', campaign.term)
    entries += note(row, 'campaign_content', campaign.content)
    entries += note(row, 'campaign_click_id', campaign.clickId)
    entries += note(row, 'campaign_network', campaign.network)
  }
  // Without a referrer and a campaign it is always `direct`; the column `channel_group` derives that.
  if (entries > before || referrer.class !== 'direct') entries += note(row, 'channel_group', channelGroup)
  if (event.traits.names.length > 0) entries += note(row, 'typed_traits', nonTextsOf(event.traits))
  entries += note(row, 'referrer_source', referrer.source)
  entries += note(row, 'referrer_host', referrer.host)
  entries += note(row, 'referrer_term', referrer.term)
  if (geo !== noGeo) {
    entries += note(row, 'region', geo.region)
    entries += note(row, 'city', geo.city)
    if (!Number.isNaN(geo.latitude)) entries += note(row, 'latitude', String(geo.latitude))
    if (!Number.isNaN(geo.longitude)) entries += note(row, 'longitude', String(geo.longitude))
    entries += note(row, 'geo_timezone', geo.timezone)
    if (geo.asn !== 0) entries += note(row, 'asn', String(geo.asn))
    entries += note(row, 'organization', geo.organization)
  }
  row.closeMap(at, entries)
}

/** @returns the number of entries written: none for an empty value */
function note(row: RowBuffer, name: string, value: string): number {
  if (value === '') return 0
  row.string(name)
  row.string(value)
  return 1
}
