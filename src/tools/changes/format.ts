import type { CarryOver } from '../../features/carry-over.ts'
import type { Changes, DefinitionChange, Warning } from './compare.ts'

/** Changes for people and for machines. */

export function formatChanges({ definitions, settings, settingsKnown, warnings }: Changes): ChangeText {
  const notes = [
    ...settings.map(({ key, from, to }) => `setting ${key}: ${JSON.stringify(from)} -> ${JSON.stringify(to)}`),
    ...(settingsKnown ? [] : ['topics, enrich, dedupe and limits are not compared: an earlier version of beckon runs']),
    ...warnings.map((warning) => `warning: ${warningText(warning)}`),
  ]
  if (settings.length === 0 && definitions.every(({ change }) => change === 'unchanged'))
    notes.unshift('nothing changes')
  return { table: definitions.map(definitionLine), notes }
}

export interface ChangeText {
  /** A row a feature or action: kind, name, change, version, what becomes of its state. */
  readonly table: readonly (readonly string[])[]
  readonly notes: readonly string[]
}

function definitionLine({ kind, name, version, change, was, carryOver, waitsFor }: DefinitionChange): string[] {
  const from = change === 'renamed' ? ` from ${was!.name}` : ''
  const versions = change === 'changed' ? `${was!.version} -> ${version}` : version
  const line = [kind, name, `${change}${from}`, versions]
  if (waitsFor !== undefined) return [...line, `is computed, and not ready before ${areText(waitsFor)}`]
  const isOfInterest = carryOver !== undefined && (change !== 'unchanged' || carryOver === 'from_events')
  return [...line, isOfInterest ? carryOverTexts[carryOver] : '']
}

function warningText(warning: Warning): string {
  if ('timer' in warning) {
    return `${warning.action} waits anew for "${warning.timer}": what started that before the change brings nothing about`
  }
  if ('crossing' in warning) {
    return `${warning.action} notes with a customer's next event whether its condition is met, and acts from then on`
  }
  if ('wasNamed' in warning) {
    return `${warning.action} forgets what was sent as ${warning.wasNamed}: its cool-down and caps begin anew`
  }
  if ('rule' in warning) {
    return `${warning.rule} counts what earlier rules looked at: of other contacts before the change nothing is known`
  }
  if ('contacts' in warning) {
    const whose = 'action' in warning ? `of ${warning.action}` : 'over all actions'
    return `the cool-down and caps ${whose} count from now on: of what was sent before, ${knownText(warning.contacts.known)}`
  }
  const { action, feature, through = [] } = warning
  const by = through.length > 0 ? ` through ${through.join(' and ')}` : ''
  return `${action} reads ${feature}${by}, and is not decided for a customer before that is ready`
}

const areText = (names: readonly string[]) => `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'}`

const knownText = (known: number) =>
  known === 0 ? 'nothing is known' : known === 1 ? 'only the last is known' : `only the last ${known} are known`

const carryOverTexts: Readonly<Record<CarryOver, string>> = {
  kept: 'keeps its state',
  computed: 'is computed, and has no state',
  from_events: 'is computed from the events, and not ready until then',
}

/** The same as one object, in the names of our JSON. */
export function changesJson({ definitions, settings, settingsKnown, warnings }: Changes): object {
  return {
    changes: definitions.map(({ carryOver: state, waitsFor, ...rest }) => ({
      ...rest,
      ...(state ? { state } : {}),
      ...(waitsFor ? { waits_for: waitsFor } : {}),
    })),
    settings,
    settings_known: settingsKnown,
    warnings: warnings.map((warning) =>
      'wasNamed' in warning ? { action: warning.action, was_named: warning.wasNamed } : warning,
    ),
  }
}
