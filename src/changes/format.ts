import { durationText } from '../config/duration.ts'
import type { CarryOver, Lack } from '../features/carry-over.ts'
import type { Changes, DefinitionChange, Warning } from './compare.ts'

/** Changes for people and for machines; `nowMs` is when the new rules would be started. */

export function formatChanges({ definitions, settings, settingsKnown, warnings }: Changes, nowMs: number): ChangeText {
  const notes = [
    ...settings.map(({ key, from, to }) => `setting ${key}: ${JSON.stringify(from)} -> ${JSON.stringify(to)}`),
    ...(settingsKnown ? [] : ['topics, enrich, dedupe and limits are not compared: an earlier version of beckon runs']),
    ...warnings.map((warning) => `warning: ${warningText(warning)}`),
  ]
  if (settings.length === 0 && definitions.every(({ change }) => change === 'unchanged'))
    notes.unshift('nothing changes')
  return { table: definitions.map((one) => definitionLine(one, nowMs)), notes }
}

export interface ChangeText {
  /** A row a feature or action: kind, name, change, version, what becomes of its state. */
  readonly table: readonly (readonly string[])[]
  readonly notes: readonly string[]
}

function definitionLine({ kind, name, version, change, was, carryOver }: DefinitionChange, nowMs: number): string[] {
  const from = change === 'renamed' ? ` from ${was!.name}` : ''
  const versions = change === 'changed' ? `${was!.version} -> ${version}` : version
  const isOfInterest = carryOver !== undefined && change !== 'unchanged'
  return [kind, name, `${change}${from}`, versions, isOfInterest ? carryOverText(carryOver, nowMs) : '']
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
  const { action, feature, state } = warning
  return `${action} reads ${feature}, which ${state === 'fills_up' ? 'fills up' : 'starts anew'}`
}

function carryOverText(carryOver: CarryOver, nowMs: number): string {
  switch (carryOver.state) {
    case 'kept':
      return 'keeps its state'
    case 'computed':
      return 'is computed, and has no state'
    case 'fills_up':
      return `keeps its state and fills up: ${lackText(carryOver.lacks, nowMs)}`
    case 'starts_anew':
      return `starts anew, empty: ${lackText(carryOver.lacks, nowMs)}`
  }
}

function lackText(lack: Lack, nowMs: number): string {
  if ('forMs' in lack)
    return `partial for ${durationText(lack.forMs)}, until ${isoTime(nowMs + lack.forMs)} if started now`
  if ('forEvents' in lack) return `partial for the next ${lack.forEvents} events of a customer`
  if ('forEver' in lack) return 'it never has what was before the change'
  if (lack.untilNext === 'session') return "partial until the customer's session is over"
  const where = lack.timezone === 'customer' ? "the customer's timezone" : lack.timezone
  return `partial until the next ${lack.untilNext} begins in ${where}`
}

/** The same as one object, in the names of our JSON. */
export function changesJson({ definitions, settings, settingsKnown, warnings }: Changes, nowMs: number): object {
  return {
    changes: definitions.map(({ carryOver, ...rest }) => ({ ...rest, ...carryOverJson(carryOver, nowMs) })),
    settings,
    settings_known: settingsKnown,
    warnings: warnings.map((warning) =>
      'wasNamed' in warning ? { action: warning.action, was_named: warning.wasNamed } : warning,
    ),
  }
}

function carryOverJson(carryOver: CarryOver | undefined, nowMs: number): object {
  if (carryOver === undefined) return {}
  const { state } = carryOver
  return 'lacks' in carryOver ? { state, lacks: lackJson(carryOver.lacks, nowMs) } : { state }
}

function lackJson(lack: Lack, nowMs: number): object {
  if ('forMs' in lack) return { for_ms: lack.forMs, until: isoTime(nowMs + lack.forMs) }
  if ('forEvents' in lack) return { for_events: lack.forEvents }
  if ('forEver' in lack) return { for_ever: true }
  const { untilNext: until_next, ...timezone } = lack
  return { until_next, ...timezone }
}

/** As far as a date goes, for a window that is longer than time. */
// biome-ignore lint/style/noRestrictedGlobals: formats a time that is given, reads no clock
const isoTime = (ms: number) => new Date(Math.min(ms, 8.64e15)).toISOString()
