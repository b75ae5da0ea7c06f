import type { z } from 'zod'
import { didYouMean } from '../expressions/expression.ts'
import { exampleMap } from './known-keys.ts'

type Issue = z.core.$ZodIssue

/**
 * What is wrong with a value, in plain words and with the mend: the schema library's own words are put in ours, and what a
 * schema says itself stays. Nothing of the value is repeated, for it may be a part of a password.
 * @param value what stands at the path
 * @param schema of the whole file
 */
export function issueText(issue: Issue, value: unknown, schema: z.core.$ZodType): string {
  if (isOwn(issue)) return issue.message
  if (value === undefined) return 'missing'
  if (issue.code === 'too_small' || issue.code === 'too_big') return boundText(issue)
  const ways = waysOf(issue)
  // An alternative that takes such values, but not this one, says best what is wrong.
  const closest = ways.find((way) => isOwn(way) || way.code === 'too_small' || way.code === 'too_big')
  if (closest !== undefined) return issueText(closest, value, schema)
  const names = ways.flatMap((way) => (way.code === 'invalid_value' ? way.values.map(String) : []))
  const types = ways.flatMap((way) => {
    if (way.code !== 'invalid_type') return []
    if (way.expected === 'boolean') return ['true', 'false']
    return isMap(way.expected) ? exampleMap(schema, issue.path) : (words[way.expected] ?? way.expected)
  })
  const due = [...new Set([...names, ...types])]
  if (due.length === 0) return issue.message
  const isName = typeof value === 'string' && names.length > 0
  const rest = isName ? didYouMean(value, names) : `, found ${kindOf(value)}`
  return `expected ${[due.slice(0, -1).join(', '), due.at(-1)].filter(Boolean).join(' or ')}${rest}`
}

/** Whether the message is of our schemas, not of the library. */
const isOwn = ({ message }: Issue) => !/^(Invalid (input|option)|Too (small|big))\b/.test(message)

/** The alternatives of a union, each with what is wrong by it; else the issue itself. */
function waysOf(issue: Issue): Issue[] {
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(waysOf) : [issue]
}

function boundText(issue: Issue & { readonly code: 'too_small' | 'too_big' }): string {
  const [bound, within, beyond] =
    issue.code === 'too_small' ? [issue.minimum, 'at least', 'more than'] : [issue.maximum, 'at most', 'less than']
  const of = { array: ' items', string: ' characters' }[issue.origin as string] ?? ''
  return `${issue.inclusive === false ? beyond : within} ${bound}${Number(bound) === 1 ? of.replace(/s$/, '') : of}`
}

const isMap = (expected: string) => expected === 'object' || expected === 'record'

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list in [ ]',
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'boolean') return String(value)
  return words[typeof value] ?? typeof value
}
