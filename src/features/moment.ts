import type { Enrichment } from '../enrich/enrichment.ts'
import type { Session } from '../enrich/session.ts'
import type { Event } from '../events/event.ts'
import { outcomeOf } from '../events/outcome.ts'
import type { Variable } from '../expressions/expression.ts'
import type { Panes } from './aggregate.ts'

/**
 * What the expressions of features and actions are evaluated against, and the variables they may use.
 * One instance is reused for all events of a task.
 */
export interface Moment {
  event: Event
  enrichment: Enrichment
  session: Session
  /** The customer's traits as the profile keeps them. */
  traits: ReadonlyMap<string, unknown>
  /** The profile's panes, by index of their group. */
  groups: readonly (Panes | undefined)[]
  /** Features that still lack events from before they were declared; nearly always undefined, for none. */
  notReady: NotReady | undefined
  /** The time as of which windows, cool-downs and caps are read; ms. */
  asOfMs: number
}

/** Where a customer is, as far as events said: a timezone that is one, and a country, in a profile's groups. */
export interface Whereabouts {
  readonly timezone: (groups: Moment['groups']) => string | undefined
  readonly country: (groups: Moment['groups']) => string | undefined
}

/** Names of the features that are not ready, including those computed from one that is not. */
export type NotReady = ReadonlySet<string>

const text = (name: string, read: (moment: Moment) => string): Variable<Moment> => ({ name, type: 'string', read })
const map = (name: string, read: (moment: Moment) => object): Variable<Moment> => ({
  name,
  type: 'map<string, dyn>',
  read,
})

const customer = text('customer', (m) => m.event.customer)
const session: readonly Variable<Moment>[] = [
  { name: 'session_index', type: 'int', read: (m) => m.session.index },
  { name: 'session_events', type: 'int', read: (m) => m.session.events },
  text('entry_page', (m) => m.session.entryPage),
]

const geo: readonly Variable<Moment>[] = [
  text('country', (m) => m.enrichment.geo.country),
  text('city', (m) => m.enrichment.geo.city),
]
/** The variables that say where the customer is. */
export const geoNames = geo.map(({ name }) => name)

const shared: readonly Variable<Moment>[] = [
  text('type', (m) => m.event.type),
  text('outcome', (m) => outcomeOf(m.event)),
  customer,
  text('url', (m) => m.event.url),
  text('title', (m) => m.event.title),
  text('referrer', (m) => m.event.referrer),
  text('channel', (m) => m.event.channel),
  text('locale', (m) => m.event.locale),
  text('currency', (m) => m.event.currency),
  { name: 'time_ms', type: 'int', read: (m) => m.event.timeMs },
  { name: 'value', type: 'dyn', read: (m) => (Number.isNaN(m.event.value) ? null : m.event.value) },
  map('properties', (m) => m.event.properties),
  { name: 'bot', type: 'bool', read: (m) => m.enrichment.agent.bot },
  text('device', (m) => m.enrichment.agent.device),
  text('browser', (m) => m.enrichment.agent.browser),
  text('os', (m) => m.enrichment.agent.os),
  ...geo,
  map('campaign', (m) => m.enrichment.campaign),
  text('referrer_class', (m) => m.enrichment.referrer.class),
  text('referrer_source', (m) => m.enrichment.referrer.source),
  text('channel_group', (m) => m.enrichment.channelGroup),
  ...session,
]

/** What a feature may use: the event and what was derived from it, never the profile. `traits` are the event's. */
export const eventVariables: readonly Variable<Moment>[] = [...shared, map('traits', (m) => m.event.traits)]

/** For a scope of these: why the name of a feature can't be used in it. */
export function featureElsewhere(features: readonly { readonly name: string }[]) {
  const names = new Set(features.map(({ name }) => name))
  return (name: string): string | undefined =>
    names.has(name)
      ? `${name} is a feature, and this is of the event alone: features are read in value and when`
      : undefined
}

/** The part of a moment that reads from a profile as of some time, with or without an event. */
export type ProfileMoment = Pick<Moment, 'groups' | 'notReady' | 'session' | 'traits' | 'asOfMs'>

/** What a computed feature may use besides other features. */
export const profileVariables: readonly Variable<ProfileMoment>[] = [
  { name: 'traits', type: 'map<string, dyn>', read: (m) => m.traits },
]

/** What an action may use besides features: the event, and the customer's traits in the profile. */
export const actionVariables: readonly Variable<Moment>[] = [...shared, ...profileVariables]

/** What is left of these if there is no event because a timer has fired. */
export const timerVariables: readonly Variable<Moment>[] = [customer, ...session, ...profileVariables]
