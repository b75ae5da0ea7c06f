/**
 * What is derived from one event and the reference data, and from nothing else: no clock, no profile. A string is empty if
 * nothing is known. The parts are frozen and shared between events, so don't write to them.
 */

export interface Enrichment {
  readonly agent: Agent
  readonly campaign: Campaign
  readonly referrer: Referrer
  readonly channelGroup: ChannelGroup
  readonly geo: Geo
}

/** What sent the event. */
export interface Agent {
  readonly device: Device
  readonly deviceVendor: string
  readonly deviceModel: string
  readonly browser: string
  readonly browserVersion: string
  readonly os: string
  readonly osVersion: string
  readonly bot: boolean
}

/** `other`: the user agent names no device. Empty: the event has no user agent. */
export type Device = 'desktop' | 'mobile' | 'tablet' | 'tv' | 'wearable' | 'console' | 'car' | 'bot' | 'other' | ''

/** The campaign that led the customer here, as the marketer tagged it. */
export interface Campaign {
  readonly source: string
  readonly medium: string
  readonly name: string
  readonly term: string
  readonly content: string
  /** The advertising network's id for the click. */
  readonly clickId: string
  /** The network that `clickId` belongs to, for instance `Google`. */
  readonly network: string
}

/** Where the customer came from. */
export interface Referrer {
  readonly class: ReferrerClass
  /** The name of a known source, for instance `Google`. */
  readonly source: string
  readonly host: string
  /** What the customer searched for, if the search engine still tells. */
  readonly term: string
}

/** `direct`: the event has no referrer. Empty only if the enrichment is off. */
export type ReferrerClass = 'search' | 'social' | 'mail' | 'ai' | 'shopping' | 'internal' | 'direct' | 'other' | ''

/**
 * The kind of marketing that led the customer here, by referrer and campaign. Empty in the middle of a visit (the referrer
 * is internal, with no campaign), and if both enrichments are off. `unassigned`: a campaign that fits no other group.
 */
export type ChannelGroup =
  | 'direct'
  | 'cross_network'
  | 'paid_shopping'
  | 'paid_search'
  | 'paid_social'
  | 'paid_video'
  | 'display'
  | 'paid_other'
  | 'organic_shopping'
  | 'organic_social'
  | 'organic_video'
  | 'organic_search'
  | 'ai'
  | 'email'
  | 'affiliates'
  | 'referral'
  | 'audio'
  | 'sms'
  | 'push'
  | 'unassigned'
  | ''

/** Where the event's IP address is, as far as the operator's database knows. Never a default place. */
export interface Geo {
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly region: string
  readonly city: string
  /** Degrees; NaN if unknown, like `longitude`. */
  readonly latitude: number
  readonly longitude: number
  /** IANA name, for instance `Europe/London`. */
  readonly timezone: string
  /** The number of the autonomous system, 0 if unknown. */
  readonly asn: number
  /** Who runs the autonomous system, for instance `Telstra Pty Ltd`. */
  readonly organization: string
}

export const noAgent: Agent = Object.freeze({
  device: '',
  deviceVendor: '',
  deviceModel: '',
  browser: '',
  browserVersion: '',
  os: '',
  osVersion: '',
  bot: false,
})

export const noCampaign: Campaign = Object.freeze({
  source: '',
  medium: '',
  name: '',
  term: '',
  content: '',
  clickId: '',
  network: '',
})

export const noReferrer: Referrer = Object.freeze({ class: '', source: '', host: '', term: '' })
export const directReferrer: Referrer = Object.freeze({ class: 'direct', source: '', host: '', term: '' })

export const noGeo: Geo = Object.freeze({
  country: '',
  region: '',
  city: '',
  latitude: Number.NaN,
  longitude: Number.NaN,
  timezone: '',
  asn: 0,
  organization: '',
})
