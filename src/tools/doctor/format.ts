import colors from 'picocolors'
import type { Finding } from './check.ts'

const paints = { ok: colors.green, warn: colors.yellow, fail: colors.red, skip: colors.dim } as const

/** The findings for people: one line each, with the remedy below it, and the totals last. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const indent = ' '.repeat(width + 8)
  const lines = findings.flatMap(({ check, status, detail, mend }) => [
    `${paints[status](status.padEnd(4))}  ${check.padEnd(width)}  ${detail.replaceAll('\n', `\n${indent}`)}`,
    ...(mend === undefined ? [] : [`${indent}mend: ${mend}`]),
  ])
  const count = (wanted: string) => findings.filter(({ status }) => status === wanted).length
  return [...lines, `${count('fail')} failed, ${count('warn')} to look at, ${count('ok')} ok`].join('\n')
}
