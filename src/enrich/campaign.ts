import type { Event } from '../events/event.ts'
import type { Network } from './click-networks.ts'
import { type Campaign, noCampaign } from './enrichment.ts'
import { memo } from './memo.ts'
import { compilePropertyFinder } from './property-finder.ts'
import { maxParameters, readParameter } from './url.ts'

const maxQueries = 10_000

type Tag = 'source' | 'medium' | 'name' | 'term' | 'content'

const tags = new Map<string, Tag>([
  ['utm_source', 'source'],
  ['utm_medium', 'medium'],
  ['utm_campaign', 'name'],
  ['utm_term', 'term'],
  ['utm_content', 'content'],
])

/** Query parameters that hold a click's id, and the network it belongs to; `click-networks.ts` says what kind of click. */
const networks = new Map<string, Network>([
  ['gclid', 'Google'],
  ['gbraid', 'Google'],
  ['wbraid', 'Google'],
  ['dclid', 'Google Display'],
  ['srsltid', 'Google Merchant'],
  ['fbclid', 'Meta'],
  ['igshid', 'Instagram'],
  ['igsh', 'Instagram'],
  ['msclkid', 'Microsoft'],
  ['ttclid', 'TikTok'],
  ['twclid', 'X'],
  ['li_fat_id', 'LinkedIn'],
  ['yclid', 'Yandex'],
  ['ysclid', 'Yandex Search'],
  ['epik', 'Pinterest'],
  ['sccid', 'Snapchat'],
  ['rdt_cid', 'Reddit'],
  ['qclid', 'Quora'],
  ['bd_vid', 'Baidu'],
  ['gdt_vid', 'Tencent'],
  ['tblci', 'Taboola'],
  ['dicbo', 'Outbrain'],
  ['irclickid', 'Impact'],
  ['cjevent', 'CJ'],
  ['awc', 'Awin'],
  ['sscid', 'ShareASale'],
  ['tduid', 'Tradedoubler'],
  ['ransiteid', 'Rakuten'],
  ['mc_cid', 'Mailchimp'],
  ['_kx', 'Klaviyo'],
])

/** A `_` may be escaped. */
const names = [...tags.keys(), ...networks.keys()].join('|').replaceAll('_', '(?:_|%5f)')
/** In links made by hand or by templates they come after a second `?`, in the fragment, or after an HTML-escaped `&`. */
const marker = new RegExp(`(?:[?&#]|&amp;)(?:${names})=`, 'i')
/** A `?` that does not begin one of our parameters is part of a value. */
const separator = new RegExp(`#|&(?:amp;)?|\\?(?=(?:${names})=)`, 'i')

/** A table of the first three letters of our parameters, in either case. */
const starts = new Uint8Array(32 ** 3)
const startAt = (text: string, at: number): number =>
  ((text.charCodeAt(at) & 31) << 10) | ((text.charCodeAt(at + 1) & 31) << 5) | (text.charCodeAt(at + 2) & 31)
for (const name of [...tags.keys(), ...networks.keys()]) {
  for (const spelt of [name, name.replaceAll('_', '%5f')]) starts[startAt(spelt, 0)] = 1
}

/** False if no parameter starts like one of ours. That settles most queries, far cheaper than the regular expression. */
function mayHaveMarker(url: string): boolean {
  const query = parametersAt(url)
  if (query < 0) return false
  for (let at = query; at < url.length - 3; at++) {
    const char = url.charCodeAt(at)
    const isStart = char === 0x26 || char === 0x3f || char === 0x23 || char === 0x3b // & ? # ;
    if (isStart && starts[startAt(url, at + 1)] === 1) return true
  }
  return false
}

/** Where the query or the fragment begins; -1 if there is neither. */
function parametersAt(url: string): number {
  const query = url.indexOf('?')
  const fragment = url.indexOf('#')
  return query < 0 || (fragment >= 0 && fragment < query) ? fragment : query
}

/** Query and fragment. A fragment that only names a place on the page is left out, so these links share a cache entry. */
function parametersOf(url: string): string {
  const start = parametersAt(url)
  const fragment = url.indexOf('#', start + 1)
  return fragment < 0 || url.includes('=', fragment) ? url.slice(start) : url.slice(start, fragment)
}

/** What a producer may put into the event's properties itself. `campaign_…` are the names in Segment's context. */
const properties: readonly (readonly [property: string, tag: Tag])[] = [
  ...tags,
  ['campaign_source', 'source'],
  ['campaign_medium', 'medium'],
  ['campaign_name', 'name'],
  ['campaign_term', 'term'],
  ['campaign_content', 'content'],
]

/** The event's campaign: the parameters of its URL, each overridden by the event's property for it, if there is one. */
export function compileCampaign(): (event: Event) => Campaign {
  const campaignOf = memo(maxQueries, parse)
  const findProperties = compilePropertyFinder(properties.map(([property]) => property))

  return (event) => {
    const { url } = event
    const fromUrl = mayHaveMarker(url) && marker.test(url) ? campaignOf(parametersOf(url)) : noCampaign
    const places = findProperties(event.properties)
    return places === null ? fromUrl : override(fromUrl, event, places)
  }
}

/** If a parameter is there twice, the first one with a value counts. */
function parse(query: string): Campaign {
  const campaign = { ...noCampaign }
  const note = (name: string, value: string) => {
    const tag = tags.get(name)
    const network = networks.get(name)
    if (value === '') return
    if (tag !== undefined && campaign[tag] === '') campaign[tag] = value
    if (network !== undefined && campaign.clickId === '') {
      campaign.clickId = value
      campaign.network = network
    }
  }
  for (const pair of query.slice(1).split(separator, maxParameters)) readParameter(pair, note)
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
