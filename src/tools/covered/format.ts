import type { Coverage } from './coverage.ts'

const number = (value: number) => value.toLocaleString('en-US')

const times = (value: number) => `${number(value)} ×`

const because = ({ reason, gate }: { readonly reason: string; readonly gate: string }) =>
  `${reason.replaceAll('_', ' ')}${gate === '' ? '' : ` (${gate})`}`

/** A coverage in plain words, line by line. */
export function formatCoverage(coverage: Coverage): string[] {
  const { decisions, customers, never_chosen, never_eligible, never_considered } = coverage
  const share = decisions.stored_share === null ? 'there was none' : `${(decisions.stored_share * 100).toFixed(1)} %`
  const unheard = customers.of_whom_no_decision_is_stored
  return [
    `${number(decisions.of_events)} decisions on events are stored (${share} of the events), and ${number(decisions.of_timers)} of timers`,
    '',
    `left with nothing: ${number(customers.left_with_nothing)} of ${number(customers.all)} customers`,
    ...(unheard === 0
      ? []
      : [`  ${number(unheard)}  no decision is stored: nothing was eligible, or all was held back`]),
    ...customers.by.map((one) => `  ${number(one.customers)}  ${because(one)}`),
    ...block(
      'eligible and never chosen',
      never_chosen.map(({ action, eligible, reasons, beaten_by: rivals }) => {
        const held = reasons.filter(({ reason }) => reason !== 'outranked' && reason !== 'not_eligible')
        const beaten = rivals.map((rival) => `beaten by ${rival.action} ${times(rival.times)}`)
        const why = [...beaten, ...held.map((one) => `${because(one)} ${times(one.times)}`)]
        return `${action}: eligible ${times(eligible)}; ${why.join(', ')}`
      }),
    ),
    ...block(
      'never eligible',
      never_eligible.map(({ action, reasons }) => {
        return `${action}: ${reasons.map((one) => `${because(one)} ${times(one.times)}`).join(', ')}`
      }),
    ),
    ...block('declared, and in no stored decision', never_considered),
  ]
}

const block = (title: string, lines: readonly string[]) =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)]
