import type { Value } from '../../events/event.ts'
import type { Explanation } from './explain.ts'
import { aboutReason } from './reasons.ts'
import type { ChangeView } from './shown.ts'
import type { CandidateView, RivalView } from './view.ts'

/** An explanation in plain words, line by line. Texts from events are in it as they are: make them safe for the terminal. */
export function formatExplanation({ decision, event, stored, equal, missing, candidates, row }: Explanation): string[] {
  const { customer, chosen, timeMs, trigger, topic, partition, offset, policy } = decision
  const got = chosen.length === 0 ? 'nothing' : chosen.join(', ')
  const about = trigger !== '' ? `a timer: ${trigger}` : (event?.type ?? 'an event that is not stored any more')
  const lines = [
    `${customer} got ${got} at ${readable(timeMs)}`,
    `  decided on       ${about}`,
    `  which lies in    ${topic}, partition ${partition}, offset ${offset}`,
    `  under the rules  ${policy}`,
    `  derived again    ${derivedText(stored, equal)}`,
    ...missing.map(({ detail }) => `  missing          ${detail}`),
  ]
  for (const one of candidates ?? []) lines.push('', ...formatCandidate(one))
  if (row !== undefined) lines.push('', 'all that the stored row says:')
  for (const { action, reason, gate } of row ?? []) lines.push(`  ${action}: ${withGate(reason, gate)}`)
  return lines
}

function derivedText(stored: boolean, equal: boolean): string {
  if (!stored) return 'from the events; no row of it is stored, since nothing was chosen'
  return equal ? 'from the events; it is what was stored, to the byte' : 'no: something that it was made of is missing'
}

function formatCandidate(view: CandidateView): string[] {
  const { action, treatment, reason, gate = '', says, score, factors = {}, asked, change, next } = view
  const { outranked_by: rival, probability } = view
  const product = Object.entries(factors).map(([name, value]) => `${name} ${short(value)}`)
  const parts = product.length > 1 ? ` (${product.join(' × ')})` : ''
  const worth = score === undefined ? '' : `, worth ${short(score)}${parts}`
  const chance = probability > 0 && probability < 1 ? `, to be shown with a probability of ${short(probability)}` : ''
  const lines = [`${inForm(action, treatment)}: ${withGate(reason, gate)}${worth}${chance}`]
  if (rival !== undefined) lines.push(`  ${formatRival(rival)}`)
  else if (reason !== 'chosen') lines.push(`  ${says}`)
  if (asked !== undefined) {
    const label = { when: 'condition', allow: 'the gate lets through', value: 'value' }[asked.of]
    lines.push(`  ${label}: ${onOneLine(asked.source)}`)
    for (const { text, is } of asked.parts) {
      lines.push(`    ${onOneLine(text)} ${is === null ? 'can not be told' : `is ${is}`}`)
    }
    for (const [name, value] of Object.entries(asked.reads)) lines.push(`    ${name}: ${text(value)}`)
  }
  if (change !== undefined) lines.push(`  smallest change: ${formatChange(change)}`)
  if (next !== undefined) {
    lines.push(`  no single change is enough: past that it would be ${withGate(next.reason, next.gate ?? '')}`)
  }
  return lines
}

const inForm = (action: string, treatment = '') => (treatment === '' ? action : `${action} (${treatment})`)

const first: Readonly<Record<string, string>> = {
  mandatory: 'it is mandatory',
  chance: 'it was tried by chance',
  expiry: 'as much, and it expires sooner',
  name: 'as much, and it comes first by name',
}

function formatRival({ action, treatment, score, margin, factor }: RivalView): string {
  const why = first[factor] ?? `${short(margin)} more, most of all by its ${factor}`
  return `${action === 'nothing' ? 'to send nothing' : inForm(action, treatment)} was worth ${short(score)}: ${why}`
}

const withGate = (reason: string, gate: string) => `${reason.replaceAll('_', ' ')}${gate === '' ? '' : ` by ${gate}`}`

function formatChange({ variable, from, to, beyond, outcome: then }: ChangeView): string {
  const outcome = then === 'chosen' ? 'it is chosen' : `it is let through, and ${aboutReason(then).says}`
  if (variable === 'time' && typeof to === 'number' && typeof from === 'number') {
    return `${span(to - from)} later, at ${readable(to)}: then ${outcome}`
  }
  const isMore = typeof beyond === 'number' && typeof to === 'number' && to > beyond
  const wanted = beyond === undefined ? text(to) : `${isMore ? 'more' : 'less'} than ${text(beyond)}`
  return `${variable} ${text(from)} → ${wanted}: then ${outcome}`
}

const maxChars = 200

function text(value: Value): string {
  if (value === null) return 'none'
  const whole =
    typeof value === 'string' && /^(?:(?:text|list)\(\d+\)|number|boolean)$/.test(value) ? value : JSON.stringify(value)
  return whole.length > maxChars ? `${whole.slice(0, maxChars)}…` : whole
}

const short = (value: number) => String(Number(value.toPrecision(12)))

const onOneLine = (source: string) => source.replace(/\s+/g, ' ')

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const

/** In its two largest units, as `1 h 20 min`; below a second in ms. */
function span(ms: number): string {
  const first = units.findIndex(([of]) => ms >= of)
  if (first < 0) return `${ms} ms`
  let rest = ms
  return units
    .slice(first, first + 2)
    .map(([of, name]) => {
      const count = Math.floor(rest / of)
      rest -= count * of
      return count === 0 ? '' : `${count} ${name}`
    })
    .filter((part) => part !== '')
    .join(' ')
}

/** UTC, as `2026-01-01 10:00:00`, with the ms if there are any. */
function readable(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `${iso.replace('T', ' ').replace(/(\.000)?Z$/, '')} UTC`
}
