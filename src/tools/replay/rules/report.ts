import type { Value } from '../../../events/event.ts'
import { Scope } from '../../../expressions/expression.ts'
import { actionVariables } from '../../../features/moment.ts'
import type { RuleCase, RuleFile } from './rule-file.ts'
import type { Mismatch } from './run-case.ts'

/** A case that failed, for people: what was expected, what came, and what the conditions in question saw. */
export function formatFailure(file: RuleFile, { line, name }: RuleCase, mismatches: readonly Mismatch[]): string {
  const indented = mismatches.flatMap((mismatch) => describe(file, mismatch)).map((text) => `\n        ${text}`)
  return `not ok  ${file.name}:${line}  ${name}${indented.join('')}`
}

function describe({ engine }: RuleFile, { after, timeMs, differences, reasons, features }: Mismatch): string[] {
  const lines = [`${after.type === undefined ? '' : `after ${after.type} `}at ${readableTime(timeMs)}`]
  const width = Math.max(...differences.map(({ of }) => of.length))
  for (const { of, expected, got } of differences) {
    lines.push(`  ${of.padEnd(width)}  expected  ${JSON.stringify(expected)}`)
    lines.push(`  ${' '.repeat(width)}  got       ${JSON.stringify(got)}`)
  }
  const inQuestion = new Set(differences.flatMap(({ actions }) => actions))
  const scope = new Scope([...actionVariables, ...engine.features.features])
  for (const { name, when } of engine.config.actions) {
    if (!inQuestion.has(name) || !Object.hasOwn(reasons, name)) continue
    lines.push(`  ${name} is ${reasons[name]}: ${when}`)
    const read = [...scope.compile(when).names].filter((variable) => variable in features)
    if (read.length > 0)
      lines.push(`    where ${read.map((variable) => show(variable, features[variable]!)).join(', ')}`)
  }
  return lines
}

const show = (feature: string, value: Value) => `${feature} = ${JSON.stringify(value)}`

/** `2026-01-01 10:00:00`, with the ms if there are any. */
function readableTime(timeMs: number): string {
  return new Date(timeMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, '')
}
