import { hash } from 'node:crypto'

const bits = 52

/**
 * What chance decides, without chance: a number in [0, 1), of the first 52 bits of SHA-256 over the parts. The same parts
 * always give the same number; any other ones give another, as if drawn anew.
 */
export function drawOf(...parts: readonly string[]): number {
  return Number.parseInt(hash('sha256', parts.join('\n'), 'hex').slice(0, bits / 4), 16) / 2 ** bits
}
