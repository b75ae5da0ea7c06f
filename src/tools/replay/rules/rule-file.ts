import { resolve } from 'node:path'
import { ConfigError, type Fault } from '../../../config/fault.ts'
import { readConfig } from '../../../config/load.ts'
import { rulesOf } from '../../../decide/contact-policy/declaration.ts'
import { compileEngine, type Engine } from '../../../engine.ts'
import { nearest } from '../../../expressions/expression.ts'
import { readYamlFile } from '../yaml-file.ts'
import { kindOf, strayKeys } from './given-record.ts'
import { type Expected, type GivenEvent, ruleSchema, timesOf } from './rule-schema.ts'

/** A file of rule tests, checked, with the engine that its configuration compiles to. */
export interface RuleFile {
  readonly name: string
  readonly engine: Engine
  readonly cases: readonly RuleCase[]
}

export interface RuleCase {
  readonly name: string
  readonly line: number
  readonly holdout: readonly string[]
  readonly steps: readonly Step[]
}

/** An event or a time that passes, and what is to be checked then. */
export interface Step {
  readonly timeMs: number
  readonly event: GivenEvent
  readonly expected: Expected | undefined
}

/**
 * The environment does not change the configuration: a test gives the same everywhere.
 * @throws ConfigError with all faults of the file, or of the configuration that it names
 */
export function readRuleFile(name: string): RuleFile {
  const { value, source } = readYamlFile(name, ruleSchema)
  const engine = compileEngine(
    value.config === undefined
      ? readConfig(name, {}, 'the argument names another', ['cases'])
      : readConfig(resolve(source.folder(['config']), value.config), {}, `config in ${name} names another`),
  )
  const faults: Fault[] = []
  const actions = engine.policy.names
  const features = engine.features.features.map((feature) => feature.name)
  const gates = [...engine.config.gates, ...rulesOf(engine.config.contact_policy)].map(({ name }) => name)
  const knownAt = (names: readonly string[], wanted: string, kind: string, path: readonly PropertyKey[]) => {
    if (names.includes(wanted)) return
    const near = nearest(wanted, names)
    faults.push(source.fault(path, `no ${kind} ${wanted}${near ? `; did you mean ${near}?` : ''}`))
  }
  const checkNames = (expected: Expected, path: readonly PropertyKey[]) => {
    const known = (names: readonly string[], wanted: string, kind: string, at: readonly PropertyKey[]) =>
      knownAt(names, wanted, kind, [...path, ...at])
    for (const [i, action] of (expected.actions ?? []).entries()) known(actions, action, 'action', ['actions', i])
    for (const key of ['reasons', 'cases', 'worth'] as const)
      for (const action of Object.keys(expected[key] ?? {})) known(actions, action, 'action', [key, action])
    for (const key of ['withdrawn', 'open'] as const)
      for (const [i, action] of (expected[key] ?? []).entries()) known(actions, action, 'action', [key, i])
    for (const [action, gate] of Object.entries(expected.gates ?? {})) {
      known(actions, action, 'action', ['gates', action])
      known(['', ...gates], gate, 'gate', ['gates', action])
    }
    for (const [action, entries] of Object.entries(expected.payload ?? {})) {
      known(actions, action, 'action', ['payload', action])
      const of = engine.config.actions.find(({ name }) => name === action)
      const forms =
        of === undefined ? [entries] : [of.payload, ...(of.treatments ?? []).map((form) => form.payload ?? {})]
      const declared = forms.flatMap(Object.keys)
      for (const entry of Object.keys(entries)) known(declared, entry, 'payload entry', ['payload', action, entry])
    }
    for (const [action, treatment] of Object.entries(expected.treatments ?? {})) {
      known(actions, action, 'action', ['treatments', action])
      const forms = engine.config.actions.find(({ name }) => name === action)?.treatments ?? []
      known(['', ...forms.map(({ name }) => name)], treatment, 'treatment', ['treatments', action])
    }
    for (const [action, slot] of Object.entries(expected.slots ?? {})) {
      known(actions, action, 'action', ['slots', action])
      known(Object.keys(engine.config.arbitration.slots ?? {}), slot, 'slot', ['slots', action])
    }
    for (const feature of Object.keys(expected.features ?? {}))
      known(features, feature, 'feature', ['features', feature])
  }

  const cases = value.cases.map((one, index): RuleCase => {
    const path = ['cases', index]
    const times = timesOf(one.given)
    const steps = one.given.map((event, i): Step => {
      const isLast = i === one.given.length - 1
      if (event.then) checkNames(event.then, [...path, 'given', i, 'then'])
      const expected = event.then ?? (isLast ? one.expect : undefined)
      const at = [...path, 'given', i]
      const kind = kindOf(event)
      const { keys, why } = strayKeys(event)
      for (const key of keys) faults.push(source.fault([...at, key], why))
      if (kind !== 'time' && !engine.config.topics.some(({ role = 'events' }) => role === kind))
        faults.push(source.fault(at, `no topic has the role ${kind}, so this never comes`))
      if (event.action !== undefined) knownAt(actions, event.action, 'action', [...at, 'action'])
      if (kind === 'consent' && event.given === undefined)
        faults.push(source.fault(at, 'say whether it is given: true or false'))
      if (kind === 'time' && event.at === undefined)
        faults.push(source.fault(at, 'neither an event, which has a type, nor a time to pass'))
      if (isLast && event.then && one.expect) {
        faults.push(source.fault([...path, 'given', i, 'then'], 'after the last event, say it in expect'))
      }
      return { timeMs: times[i]!, event, expected }
    })
    if (one.expect) checkNames(one.expect, [...path, 'expect'])
    if (steps.every(({ expected }) => expected === undefined))
      faults.push(source.fault(path, 'the case expects nothing'))
    return { name: one.name, line: source.fault(path, '').line, holdout: one.holdout ?? [], steps }
  })
  if (faults.length > 0) throw new ConfigError(faults)
  return { name, engine, cases }
}
