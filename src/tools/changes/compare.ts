import { canonical } from '../../canonical.ts'
import { timesKept } from '../../decide/contact.ts'
import { countsContacts } from '../../decide/contact-policy/compile.ts'
import type { LimitDeclaration } from '../../decide/contact-policy/declaration.ts'
import type { Action, ContactRules, Policy } from '../../decide/policy.ts'
import type { Engine } from '../../engine.ts'
import { type CarryOver, carryOver } from '../../features/carry-over.ts'
import type { FeatureSet } from '../../features/features.ts'
import { featuresRead } from '../../features/reading.ts'
import type { Settings } from '../../fold-settings.ts'
import { compareSettings, type SettingChange } from './settings.ts'
import { type Definition, definitionsOf } from './version.ts'

/** What will change when these rules replace others. */
export interface Changes {
  /** All features, actions, gates and rules of the contact policy as they are now, then the ones that are gone. */
  readonly definitions: readonly DefinitionChange[]
  /** Changes of the arbitration and the holdout, and of the other settings that say how events are folded. */
  readonly settings: readonly SettingChange[]
  /** Whether the earlier settings for folding are known; if not, only those two are compared. */
  readonly settingsKnown: boolean
  readonly warnings: readonly Warning[]
}

export interface DefinitionChange extends Definition {
  readonly change: 'unchanged' | 'changed' | 'renamed' | 'new' | 'removed'
  /** What it was before, if it was changed or renamed. */
  readonly was?: { readonly name: string; readonly version: string }
  /** For a feature of the new rules. */
  readonly carryOver?: CarryOver
  /** The features without which a computed feature is not ready at first, though its own declaration may be unchanged. */
  readonly waitsFor?: readonly string[]
}

/** Why an action will decide differently for a while, even if its declaration has not changed. */
export type Warning =
  /** Its condition or value reads a feature that is not ready at first, directly or through computed ones. */
  | {
      readonly action: string
      readonly feature: string
      /** The computed features that it reads it through; undefined if it reads it directly. */
      readonly through?: readonly string[]
      readonly state: 'from_events'
    }
  /** Its cool-down and caps are kept by name, so they forget what was sent under the old name. */
  | { readonly action: string; readonly wasNamed: string }
  /** Its cool-down and caps look at more past actions than the old ones did, so at more than are known. */
  | { readonly action: string; readonly contacts: Contacts }
  /** The same for the contact rules over all actions. */
  | { readonly setting: 'arbitration.contact'; readonly contacts: Contacts }
  /** It counts contacts that no earlier rule looked at, or not for as long: of those before the change nothing is known. */
  | { readonly rule: string }
  /** Its timer is new: none is running yet, and running timers of the old one are dropped. */
  | { readonly action: string; readonly timer: string }
  /** It waits for a condition that nothing waited for before, or not over these features. */
  | { readonly action: string; readonly crossing: string }

/** How many of the latest past actions' times are known at most, and how many are looked at. */
interface Contacts {
  readonly known: number
  readonly needed: number
}

type Compiled = Pick<Engine, 'rules' | 'features' | 'policy'>

/** @param settings the earlier ones; undefined if unknown */
export function compare(
  before: Compiled & { readonly settings: Settings | undefined },
  after: Compiled & { readonly settings: Settings },
): Changes {
  const states = carryOvers(before.features, after)
  const definitions = (['feature', 'action', 'gate', 'rule'] as const).flatMap((kind) => {
    const of = ({ rules }: Compiled) => definitionsOf(rules).filter((definition) => definition.kind === kind)
    return compareDefinitions(of(before), of(after))
  })
  const settingsKnown = before.settings !== undefined
  const settings = [
    ...compareSettings(before.rules.arbitration, after.rules.arbitration, ['arbitration']),
    ...compareSettings(before.rules.holdout, after.rules.holdout, ['holdout']),
    ...compareSettings(zonesOf(before), zonesOf(after), ['contact_policy']),
    ...(settingsKnown ? compareSettings(before.settings, after.settings) : []),
  ]
  return {
    definitions: definitions.map((one) => {
      const state = one.kind === 'feature' && one.change !== 'removed' ? states.get(one.name) : undefined
      if (state === undefined) return one
      const waitsFor = state === 'computed' ? notReadyAmong([one.name], after, states) : []
      return { ...one, carryOver: state, ...(waitsFor.length > 0 ? { waitsFor } : {}) }
    }),
    settings,
    settingsKnown,
    warnings: [
      ...featureWarnings(after, states),
      ...nameWarnings(after, definitions),
      ...contactWarnings(before, after),
      ...ruleWarnings(before, after),
      ...timerWarnings(before, after),
    ],
  }
}

/** What the contact policy says beside its rules. */
const zonesOf = ({ rules: { contact_policy: of } }: Compiled) => ({
  timezone: of?.timezone,
  country_timezones: of?.country_timezones ?? {},
})

const carryOvers = (before: FeatureSet, { features }: Compiled): Map<string, CarryOver> =>
  new Map(features.features.map((feature) => [feature.name, carryOver(before, feature)]))

/** For definitions of one kind. What is left on both sides is paired by version: those were renamed. */
function compareDefinitions(before: readonly Definition[], after: readonly Definition[]): DefinitionChange[] {
  const afterNames = new Set(after.map(({ name }) => name))
  const beforeByName = new Map(before.map((definition) => [definition.name, definition]))
  const gone = before.filter(({ name }) => !afterNames.has(name))
  const changes = after.map((definition): DefinitionChange => {
    const { name, version } = definition
    const same = beforeByName.get(name)
    if (same?.version === version) return { ...definition, change: 'unchanged' }
    if (same) return { ...definition, change: 'changed', was: { name, version: same.version } }
    const renamed = gone.findIndex((other) => other.version === version)
    if (renamed < 0) return { ...definition, change: 'new' }
    const [was] = gone.splice(renamed, 1)
    return { ...definition, change: 'renamed', was: { name: was!.name, version } }
  })
  return [...changes, ...gone.map((definition): DefinitionChange => ({ ...definition, change: 'removed' }))]
}

type CarryOvers = ReadonlyMap<string, CarryOver>

/** Which features are to be computed from the events, of all that are read when those with these names are. */
const notReadyAmong = (names: Iterable<string>, { features }: Compiled, states: CarryOvers): string[] =>
  featuresRead(names, features.features).flatMap(({ name }) => (states.get(name) === 'from_events' ? [name] : []))

function featureWarnings(after: Compiled, states: CarryOvers): Warning[] {
  return actionsOf(after.policy).flatMap(({ name: action, names }) =>
    notReadyAmong(names, after, states).map((feature): Warning => {
      const warning = { action, feature, state: 'from_events' } as const
      if (names.has(feature)) return warning
      const through = [...names].filter((name) => notReadyAmong([name], after, states).includes(feature)).sort()
      return { ...warning, through }
    }),
  )
}

function nameWarnings({ policy }: Compiled, changes: readonly DefinitionChange[]): Warning[] {
  const limited = actionsOf(policy).filter(({ contact }) => timesKept(contact) > 0)
  return changes.flatMap(({ kind, name, change, was }): Warning[] => {
    const isOne = kind === 'action' && change === 'renamed' && limited.some((action) => action.name === name)
    return isOne ? [{ action: name, wasNamed: was!.name }] : []
  })
}

/** Not for a renamed action: everything that was sent under the old name is forgotten. */
function contactWarnings({ rules: before }: Compiled, { rules }: Compiled): Warning[] {
  const lacking = (was: ContactRules, is: ContactRules): Contacts[] => {
    const contacts = { known: timesKept(was), needed: timesKept(is) }
    return contacts.needed > contacts.known ? [contacts] : []
  }
  const earlier = new Map(before.actions.map(({ name, contact }) => [name, contact]))
  return [
    ...rules.actions.flatMap(({ name, contact }) =>
      lacking(earlier.get(name) ?? contact, contact).map((contacts) => ({ action: name, contacts })),
    ),
    ...lacking(before.arbitration.contact, rules.arbitration.contact).map((contacts) => ({
      setting: 'arbitration.contact' as const,
      contacts,
    })),
  ]
}

/** A limit knows what one of before kept: the same contacts, as many, for as long. */
function ruleWarnings({ rules: before }: Compiled, { rules }: Compiled): Warning[] {
  const limitsOf = ({ contact_policy }: Compiled['rules']) =>
    contact_policy === undefined ? [] : countsContacts(contact_policy)
  const known = limitsOf(before)
  const isKnown = (limit: LimitDeclaration) =>
    known.some(
      (one) =>
        canonical(one.counts) === canonical(limit.counts) &&
        one.max >= limit.max &&
        reachMs(one.per) >= reachMs(limit.per),
    )
  const lacking = limitsOf(rules).filter((limit) => limit.max > 0 && !isKnown(limit))
  return [...new Set(lacking.map(({ name }) => name))].map((rule) => ({ rule }))
}

const reachMs = (per: LimitDeclaration['per']) =>
  'rollingMs' in per ? per.rollingMs : (per.period === 'day' ? 1 : 7) * 86_400_000

/** Profiles keep timers by their signature, as `profiles/codec.ts` does. */
function timerWarnings(before: Compiled, { policy, rules }: Compiled): Warning[] {
  const known = new Set(before.policy.timers.map(({ signature }) => signature))
  const warnings = new Map<string, Warning>()
  for (const [index, { kind, name, signature }] of policy.timers.entries()) {
    if (known.has(signature)) continue
    for (const { name: action } of policy.onTimer[index]!) {
      warnings.set(action, kind === 'absence' ? { action, timer: name } : { action, crossing: name })
    }
  }
  return rules.actions.flatMap(({ name }) => warnings.get(name) ?? [])
}

const actionsOf = ({ onEvent, onTimer }: Policy): Action[] =>
  [...onEvent, ...onTimer.flat()].sort((a, b) => (a.name < b.name ? -1 : 1))
