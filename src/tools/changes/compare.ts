import { timesKept } from '../../decide/contact.ts'
import type { Action, ContactRules, Policy } from '../../decide/policy.ts'
import type { Engine } from '../../engine.ts'
import { type CarryOver, carryOver } from '../../features/carry-over.ts'
import type { FeatureSet } from '../../features/features.ts'
import { featuresRead } from '../../features/reading.ts'
import type { Settings } from '../../fold-settings.ts'
import { compareSettings, type SettingChange } from './settings.ts'
import { type Definition, definitionsOf } from './version.ts'

/** What will be different when rules are started in the place of others. */
export interface Changes {
  /** All features and actions of the new rules, then those that they no longer have. */
  readonly definitions: readonly DefinitionChange[]
  /** Of the arbitration, and of what else tells how events are folded. */
  readonly settings: readonly SettingChange[]
  /** Whether what else told how events were folded before is known; without, only the arbitration is compared. */
  readonly settingsKnown: boolean
  readonly warnings: readonly Warning[]
}

export interface DefinitionChange extends Definition {
  readonly change: 'unchanged' | 'changed' | 'renamed' | 'new' | 'removed'
  /** What it was, where it was changed or renamed. */
  readonly was?: { readonly name: string; readonly version: string }
  /** Of a feature that is there. */
  readonly carryOver?: CarryOver
}

/** What an action will decide otherwise for a while, though its declaration may be the same. */
export type Warning =
  /** Its condition or value reads the feature, itself or through computed ones, which is not ready at first. */
  | { readonly action: string; readonly feature: string; readonly state: 'from_events' }
  /** Its cool-down and caps are kept by name, so they forget what was sent under the other one. */
  | { readonly action: string; readonly wasNamed: string }
  /** Its cool-down and caps look back to more actions of the past than the ones before did, and so than are known. */
  | { readonly action: string; readonly contacts: Contacts }
  /** The same of those over all actions. */
  | { readonly setting: 'arbitration.contact'; readonly contacts: Contacts }
  /** Its timer was not there before: none of it runs, and those that run of another one are dropped. */
  | { readonly action: string; readonly timer: string }
  /** It waits for a condition to become true that was not waited for before, or not over these features. */
  | { readonly action: string; readonly crossing: string }

/** Of how many past actions the times are known at most, the latest, and how many are looked at. */
interface Contacts {
  readonly known: number
  readonly needed: number
}

type Compiled = Pick<Engine, 'rules' | 'features' | 'policy'>

/** @param settings of before; undefined where they are not known */
export function compare(
  before: Compiled & { readonly settings: Settings | undefined },
  after: Compiled & { readonly settings: Settings },
): Changes {
  const states = carryOvers(before.features, after)
  const definitions = (['feature', 'action'] as const).flatMap((kind) => {
    const of = ({ rules }: Compiled) => definitionsOf(rules).filter((definition) => definition.kind === kind)
    return compareDefinitions(of(before), of(after))
  })
  const settingsKnown = before.settings !== undefined
  const settings = [
    ...compareSettings(before.rules.arbitration, after.rules.arbitration, ['arbitration']),
    ...(settingsKnown ? compareSettings(before.settings, after.settings) : []),
  ]
  return {
    definitions: definitions.map((one) => {
      const state = one.kind === 'feature' && one.change !== 'removed' ? states.get(one.name) : undefined
      return state ? { ...one, carryOver: state } : one
    }),
    settings,
    settingsKnown,
    warnings: [
      ...featureWarnings(after, states),
      ...nameWarnings(after, definitions),
      ...contactWarnings(before, after),
      ...timerWarnings(before, after),
    ],
  }
}

const carryOvers = (before: FeatureSet, { features }: Compiled): Map<string, CarryOver> =>
  new Map(features.features.map((feature) => [feature.name, carryOver(before, feature)]))

/** Of one kind. What is left of either side is paired by its version: that is another name. */
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

function featureWarnings({ policy, features }: Compiled, states: ReadonlyMap<string, CarryOver>): Warning[] {
  return actionsOf(policy).flatMap((action) =>
    featuresRead(action.names, features.features).flatMap(({ name: feature }): Warning[] => {
      const state = states.get(feature)
      return state === 'from_events' ? [{ action: action.name, feature, state }] : []
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

/** Not of an action that had another name: what was sent under that is forgotten as a whole. */
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
