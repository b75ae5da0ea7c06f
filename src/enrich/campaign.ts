import type { Event } from '../events/event.ts'
import { type Campaign, noCampaign } from './enrichment.ts'
import { memo } from './memo.ts'
import { compilePropertyFinder } from './property-finder.ts'
import { eachParameter, queryOf } from './url.ts'

const maxQueries = 10_000

type Tag = 'source' | 'medium' | 'name' | 'term' | 'content'

const tags = new Map<string, Tag>([
  ['utm_source', 'source'],
  ['utm_medium', 'medium'],
  ['utm_campaign', 'name'],
  ['utm_term', 'term'],
  ['utm_content', 'content'],
])

const networks = new Map([
  ['gclid', 'Google'],
  ['gbraid', 'Google'],
  ['wbraid', 'Google'],
  ['dclid', 'Google'],
  ['fbclid', 'Meta'],
  ['igshid', 'Instagram'],
  ['igsh', 'Instagram'],
  ['msclkid', 'Microsoft'],
  ['ttclid', 'TikTok'],
  ['twclid', 'X'],
  ['li_fat_id', 'LinkedIn'],
  ['yclid', 'Yandex'],
  ['ysclid', 'Yandex'],
  ['epik', 'Pinterest'],
  ['sccid', 'Snapchat'],
  ['rdt_cid', 'Reddit'],
  ['bd_vid', 'Baidu'],
  ['gdt_vid', 'Tencent'],
])

const marker = new RegExp(`[?&](?:${[...tags.keys(), ...networks.keys()].join('|')})=`, 'i')

/** Places of the first two letters of the parameters, in either case. */
const starts = new Uint8Array(1024)
const startOf = (first: number, second: number): number => ((first & 31) << 5) | (second & 31)
for (const name of [...tags.keys(), ...networks.keys()]) starts[startOf(name.charCodeAt(0), name.charCodeAt(1))] = 1

/** False where no parameter starts as one of ours does: most queries, at a fraction of the expression's cost. */
function mayHaveMarker(url: string): boolean {
  const query = url.indexOf('?')
  if (query < 0) return false
  for (let at = query; at < url.length - 2; at++) {
    const char = url.charCodeAt(at)
    const isStart = char === 0x26 || char === 0x3f // & ?
    if (isStart && starts[startOf(url.charCodeAt(at + 1), url.charCodeAt(at + 2))] === 1) return true
  }
  return false
}

/** What a producer may have put into the event's properties itself; `campaign_…` are the names in Segment's context. */
const properties: readonly (readonly [property: string, tag: Tag])[] = [
  ...tags,
  ['campaign_source', 'source'],
  ['campaign_medium', 'medium'],
  ['campaign_name', 'name'],
  ['campaign_term', 'term'],
  ['campaign_content', 'content'],
]

/** The event's campaign: the parameters of its URL, each overridden by a property of the event that says otherwise. */
export function compileCampaign(): (event: Event) => Campaign {
  const campaignOf = memo(maxQueries, parse)
  const findProperties = compilePropertyFinder(properties.map(([property]) => property))

  return (event) => {
    const { url } = event
    const fromUrl = mayHaveMarker(url) && marker.test(url) ? campaignOf(queryOf(url)) : noCampaign
    const places = findProperties(event.properties)
    return places === null ? fromUrl : override(fromUrl, event, places)
  }
}

/** Of a parameter that is there twice, the first with a value counts. */
function parse(query: string): Campaign {
  const campaign = { ...noCampaign }
  eachParameter(query, (name, value) => {
    const tag = tags.get(name)
    const network = networks.get(name)
    if (value === '') return
    if (tag !== undefined && campaign[tag] === '') campaign[tag] = value
    if (network !== undefined && campaign.clickId === '') {
      campaign.clickId = value
      campaign.network = network
    }
  })
  return Object.freeze(campaign)
}

function override(fromUrl: Campaign, event: Event, places: readonly number[]): Campaign {
  const campaign = { ...fromUrl }
  for (let i = 0; i < places.length; i++) {
    const value = event.properties.values[places[i]!]
    if (typeof value === 'string' && value !== '') campaign[properties[i]![1]] = value
  }
  return campaign
}
