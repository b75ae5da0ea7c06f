import { groupByNetwork } from './click-networks.ts'
import { type Campaign, type ChannelGroup, noCampaign, type Referrer, type ReferrerClass } from './enrichment.ts'
import { memo } from './memo.ts'
import { findSource, isVideo } from './sources/find.ts'

const maxCampaigns = 10_000

const shoppingName = /(?:[^a-df-z]|^)shop|shopping/
const display = new Set(['display', 'banner', 'expandable', 'interstitial', 'cpm'])
const social = new Set(['social', 'social-network', 'social-media', 'sm', 'social network', 'social media'])
const email = new Set(['email', 'e-mail', 'e_mail', 'e mail'])
const referral = new Set(['referral', 'app', 'link'])
const none = new Set(['(none)', '(not set)', ''])

/** Kinds of source for which a campaign's paid and unpaid visits get groups of their own. */
type Category = 'search' | 'social' | 'video' | 'shopping' | 'ai' | 'mail' | ''

/** What the campaign says by itself. */
interface Tagged {
  readonly group: ChannelGroup
  /** Paid for, but `source` names no one we know: the referrer then makes it `paid_search`, `paid_social` … */
  readonly isPaidSomewhere: boolean
}

const paidGroup: Readonly<Record<Category, ChannelGroup>> = {
  search: 'paid_search',
  social: 'paid_social',
  video: 'paid_video',
  shopping: 'paid_shopping',
  ai: 'paid_other',
  mail: 'paid_other',
  '': 'paid_other',
}

const organicGroup: Readonly<Record<Category, ChannelGroup>> = {
  search: 'organic_search',
  social: 'organic_social',
  video: 'organic_video',
  shopping: 'organic_shopping',
  ai: 'ai',
  mail: 'email',
  '': '',
}

/**
 * The event's channel group: Google Analytics' default channel groups, in their order, plus AI assistants
 * (docs/enrichment.md says where it differs). What the campaign says wins over the referrer.
 */
export function compileChannelGroup(): (campaign: Campaign, referrer: Referrer) => ChannelGroup {
  const readTags = memo(maxCampaigns, (key) => read(key.split('\0') as Parts))

  return (campaign, referrer) => {
    if (campaign === noCampaign) return fromReferrer(referrer)
    const { source, medium, name, network } = campaign
    if (source === '' && medium === '' && name === '' && network === '') return fromReferrer(referrer)
    const { group, isPaidSomewhere } = readTags(`${source}\0${medium}\0${name}\0${network}`)
    if (isPaidSomewhere) return paidGroup[categoryOf(referrer.class, referrer.source)]
    if (group !== '') return group
    return organicGroup[categoryOf(referrer.class, referrer.source)] || 'unassigned'
  }
}

function fromReferrer({ class: kind, source }: Referrer): ChannelGroup {
  if (kind === 'direct') return 'direct'
  if (kind === 'other') return 'referral'
  return organicGroup[categoryOf(kind, source)]
}

function categoryOf(kind: ReferrerClass, source: string): Category {
  if (kind === 'social') return isVideo(source) ? 'video' : 'social'
  return kind === 'search' || kind === 'shopping' || kind === 'ai' || kind === 'mail' ? kind : ''
}

type Parts = [source: string, medium: string, name: string, network: string]

function read(parts: Parts): Tagged {
  const [source, medium, name] = parts.map((part) => part.trim().toLowerCase()) as Parts
  if (source === '(direct)' && none.has(medium)) return certain('direct')
  const named = findSource(source)
  const category = categoryOf(named.class, named.source)
  const click = groupByNetwork.get(parts[3]) ?? ''

  if (name.includes('cross-network')) return certain('cross_network')
  if (isPaid(medium)) {
    if (shoppingName.test(name)) return certain('paid_shopping')
    if (category !== '' && paidGroup[category] !== 'paid_other') return certain(paidGroup[category])
    if (display.has(medium)) return certain('display')
    if (click.startsWith('paid_')) return certain(click)
    return category === '' ? { group: '', isPaidSomewhere: true } : certain('paid_other')
  }
  if (display.has(medium)) return certain('display')
  const isPaidClick = click.startsWith('paid_')
  if (medium === '' && isPaidClick) return certain(category === '' ? click : paidGroup[category])
  return certain(unpaid(source, medium, category) || click)
}

/** Google Analytics' `^(.*cp.*|ppc|retargeting|paid.*)$`, but not as a pattern: that takes time quadratic in the length. */
function isPaid(medium: string): boolean {
  return medium.includes('cp') || medium === 'ppc' || medium === 'retargeting' || medium.startsWith('paid')
}

function unpaid(source: string, medium: string, category: Category): ChannelGroup {
  if (category !== '' && category !== 'mail') return organicGroup[category]
  if (social.has(medium)) return 'organic_social'
  if (medium.includes('video')) return 'organic_video'
  if (medium === 'organic') return 'organic_search'
  if (category === 'mail' || email.has(source) || email.has(medium)) return 'email'
  if (medium === 'affiliate' || medium === 'affiliates') return 'affiliates'
  if (referral.has(medium)) return 'referral'
  if (medium === 'audio') return 'audio'
  if (source === 'sms' || medium === 'sms') return 'sms'
  const isPush = medium.endsWith('push') || medium.includes('mobile') || medium.includes('notification')
  return isPush || source === 'firebase' ? 'push' : ''
}

const certain = (group: ChannelGroup): Tagged => ({ group, isPaidSomewhere: false })
