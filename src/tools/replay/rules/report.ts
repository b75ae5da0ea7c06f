import { titleOf } from './given-record.ts'
import { readableTime } from './readable-time.ts'
import type { RuleCase, RuleFile } from './rule-file.ts'
import type { Mismatch } from './run-case.ts'

/** A case that failed, for people: what was expected, what came, and what the conditions in question saw. */
export function formatFailure(file: RuleFile, { line, name }: RuleCase, mismatches: readonly Mismatch[]): string {
  const indented = mismatches.flatMap(describe).map((text) => `\n        ${text}`)
  return `not ok  ${file.name}:${line}  ${name}${indented.join('')}`
}

function describe({ after, customer, timeMs, differences, explanations }: Mismatch): string[] {
  const what = titleOf(after)
  const lines = [`${what === '' ? '' : `after ${what} `}at ${readableTime(timeMs)}`]
  const width = Math.max(...differences.map(({ of }) => of.length))
  for (const { of, expected, got } of differences) {
    lines.push(`  ${of.padEnd(width)}  expected  ${JSON.stringify(expected)}`)
    lines.push(`  ${' '.repeat(width)}  got       ${JSON.stringify(got)}`)
  }
  for (const { action, decision, undecided, features } of explanations) {
    if (decision === undefined) lines.push(`  ${action} was not decided: ${undecided}`)
    else {
      const whose = decision.customer === customer ? '' : ` for ${decision.customer}`
      const then = decision.timeMs === timeMs ? '' : ` at ${readableTime(decision.timeMs)}`
      const by = decision.gate === '' ? '' : ` by the gate ${decision.gate}`
      lines.push(`  ${action} is ${decision.reason}${by}${whose}${then}: ${decision.when}`)
    }
    const read = Object.entries(features).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    if (read.length > 0) lines.push(`    where ${read.join(', ')}`)
  }
  return lines
}
