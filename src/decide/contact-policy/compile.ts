import type { Moment, Whereabouts } from '../../features/moment.ts'
import { utc, type Zone, zoneOf } from '../../features/windows/calendar.ts'
import type { ActionDeclaration } from '../policy.ts'
import { checkNames, type Selector, selectorOf, selects } from '../selector.ts'
import type { ContactPolicyDeclaration, LimitDeclaration, Span } from './declaration.ts'
import type { Limit, LimitSpan } from './limits.ts'
import type { QuietHours } from './quiet-hours.ts'
import type { Suppression } from './suppressions.ts'

/** Where in the contact policy a fault lies: `limits.0.of.tags.1` … */
export type OnContactFault = (path: readonly (string | number)[], fault: unknown) => void

/** The compiled rules that are for an action in one of its forms, each list as declared. */
export interface RulesOfForm {
  readonly suppressions: readonly Suppression[]
  readonly limits: readonly Limit[]
  readonly quietHours: readonly QuietHours[]
}

export interface ContactPolicy {
  /** All of them: what they look at is what is kept. */
  readonly limits: readonly Limit[]
  readonly suppressions: readonly Suppression[]
  readonly rulesOf: (action: ActionDeclaration, channel: string) => RulesOfForm
}

const noRules: RulesOfForm = { suppressions: [], limits: [], quietHours: [] }
export const noContactPolicy: ContactPolicy = { limits: [], suppressions: [], rulesOf: () => noRules }

/** @param whereabouts where the customer is, as far as events said; undefined where no rule asks */
export function compileContactPolicy(
  declaration: ContactPolicyDeclaration,
  actions: readonly ActionDeclaration[],
  whereabouts: Whereabouts | undefined,
  onFault: OnContactFault,
): ContactPolicy {
  checkAllNames(declaration, actions, onFault)
  const customers = customersZone(declaration, whereabouts)
  const zoneFinder = (name: string): ((moment: Moment) => Zone | undefined) => {
    if (name === 'customer') return customers
    const zone = zoneOf(name)
    return () => zone
  }
  const spanOf = (span: Span): LimitSpan => {
    if ('rollingMs' in span) return { kind: 'rolling', ms: span.rollingMs }
    const find = zoneFinder(span.timezone)
    // Which day it is where the customer is, nobody knows; but there has to be one.
    return { kind: 'calendar', period: span.period, zone: (moment) => find(moment) ?? utc }
  }
  const limits = [
    ...declaration.limits.map((limit) => ({ ...compileLimit(limit, spanOf(limit.per), false), obeys: limit.obeys })),
    ...exclusionsOf(declaration).map((limit) => ({
      ...compileLimit(limit, spanOf(limit.per), true),
      obeys: limit.obeys,
    })),
  ]
  const suppressions = declaration.suppressions.map(({ name, outcomes, counts, ...rest }) => ({
    ...rest,
    counts: (reaction: Parameters<Suppression['counts']>[0]) =>
      outcomes.includes(reaction.outcome) && selects(counts, reaction),
    refusal: { reason: 'contact_policy', gate: name } as const,
  }))
  const quietHours = declaration.quiet_hours.map(({ name, of, fromMs, toMs, timezone, holds }) => ({
    fromMs,
    toMs,
    of,
    name,
    zone: zoneFinder(timezone),
    holds,
    held: { reason: 'held', gate: name } as const,
    dropped: { reason: 'quiet_hours', gate: name } as const,
  }))
  return {
    limits,
    suppressions,
    rulesOf: (action, channel) => {
      if (action.contact.obeys === false) return noRules
      const form = { ...action, channel }
      const obeyed = <R extends { readonly obeys: Selector }>(rules: readonly R[]) =>
        rules.filter(({ obeys }) => selects(obeys, form))
      return {
        suppressions: obeyed(suppressions),
        limits: obeyed(limits),
        quietHours: quietHours.filter(({ of }) => selects(of, form)),
      }
    },
  }
}

function compileLimit({ name, counts, max }: LimitDeclaration, span: LimitSpan, isStrict: boolean): Limit {
  const isCounted = selectorOf(counts)
  return {
    // What counts for nothing is still there to be kept away from.
    counts: (contact) => (isStrict || contact.counts) && isCounted(contact),
    max,
    span,
    isStrict,
    refusal: { reason: 'contact_policy', gate: name },
  }
}

/** All that counts contacts. */
export const countsContacts = (declaration: ContactPolicyDeclaration): LimitDeclaration[] => [
  ...declaration.limits,
  ...exclusionsOf(declaration),
]

/** Exclusions as limits of one, of other actions than those that obey them. Within one ms is within one decision. */
function exclusionsOf({ exclusions }: ContactPolicyDeclaration): LimitDeclaration[] {
  return exclusions.flatMap((exclusion): LimitDeclaration[] => {
    const { name, never } = exclusion
    if ('after' in exclusion) {
      return [{ name, counts: exclusion.after, obeys: never, max: 1, per: { rollingMs: exclusion.forMs } }]
    }
    const per = { rollingMs: 1 }
    return [
      { name, counts: exclusion.with, obeys: never, max: 1, per },
      { name, counts: never, obeys: exclusion.with, max: 1, per },
    ]
  })
}

/** By what events said, then the traits, then the country, then the tenant. */
function customersZone(
  { timezone, country_timezones }: ContactPolicyDeclaration,
  whereabouts: Whereabouts | undefined,
): (moment: Moment) => Zone | undefined {
  const tenants = timezone === undefined ? undefined : zoneOf(timezone)
  const byCountry = new Map(Object.entries(country_timezones).map(([country, name]) => [country, zoneOf(name)]))
  return ({ groups, traits }) => {
    const said = whereabouts?.timezone(groups) ?? traits.get('timezone')
    const zone = typeof said === 'string' ? zoneOf(said) : undefined
    if (zone !== undefined) return zone
    const country = whereabouts?.country(groups) ?? traits.get('country')
    return (typeof country === 'string' ? byCountry.get(country) : undefined) ?? tenants
  }
}

function checkAllNames(
  { limits, exclusions, suppressions, quiet_hours }: ContactPolicyDeclaration,
  actions: readonly ActionDeclaration[],
  onFault: OnContactFault,
): void {
  const check = (of: Selector, path: readonly (string | number)[]) =>
    checkNames(of, actions, (below, fault) => onFault([...path, ...below], fault))
  const both = (list: string, rules: readonly { readonly counts: Selector; readonly obeys: Selector }[]) => {
    for (const [i, { counts, obeys }] of rules.entries()) {
      if (counts === obeys) check(counts, [list, i, 'of'])
      else {
        check(counts, [list, i, 'counts'])
        check(obeys, [list, i, 'obeys'])
      }
    }
  }
  both('limits', limits)
  both('suppressions', suppressions)
  for (const [i, exclusion] of exclusions.entries()) {
    check(exclusion.never, ['exclusions', i, 'never'])
    if ('after' in exclusion) check(exclusion.after, ['exclusions', i, 'after'])
    else check(exclusion.with, ['exclusions', i, 'with'])
  }
  for (const [i, { of }] of quiet_hours.entries()) check(of, ['quiet_hours', i, 'of'])
}
