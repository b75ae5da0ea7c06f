import { hashScalar } from './hash.ts'
import type { Scalar } from './order.ts'

/**
 * HyperLogLog: estimates how many different values there were from 4,096 registers. Each holds the largest rank (place of
 * the first 1 bit) of the hashes that fell to it. The standard error is 1.04 / √4096 = 1.6 %. Registers depend only on the
 * set of values, so any order and any way of merging gives the same ones. The estimate is Ertl's: unbiased from 1 to 2^64,
 * and without tables (O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6).
 */
export type Registers = Uint8Array

const indexBits = 12
export const registerCount = 2 ** indexBits
/** The bits of a hash that give its rank, which is 1 to 53. */
const rankBits = 64 - indexBits
const hash = new Uint32Array(2)

export const emptyRegisters = (): Registers => new Uint8Array(registerCount)

export function addToRegisters(registers: Registers, value: Scalar): void {
  hashScalar(value, hash)
  const [index, rank] = [indexOf(hash), rankOf(hash)]
  if (rank > registers[index]!) registers[index] = rank
}

/** The register that a hash falls to. */
export const indexOf = (of: Uint32Array) => of[0]! >>> (32 - indexBits)

export function rankOf(of: Uint32Array): number {
  const upper = of[0]! << indexBits
  return upper === 0 ? 33 - indexBits + Math.clz32(of[1]!) : 1 + Math.clz32(upper)
}

export function mergeRegisters(registers: Registers, from: Registers): void {
  for (let i = 0; i < registerCount; i++) if (from[i]! > registers[i]!) registers[i] = from[i]!
}

export function estimate(registers: Registers): number {
  const counts = emptyCounts()
  for (const rank of registers) counts[rank]!++
  return estimateBy(counts)
}

/** How many registers hold each rank: none yet. */
export const emptyCounts = () => new Array<number>(rankBits + 2).fill(0)

/** @param counts how many registers hold each rank, 0 included */
export function estimateBy(counts: readonly number[]): number {
  let z = registerCount * tau(1 - counts[rankBits + 1]! / registerCount)
  for (let rank = rankBits; rank >= 1; rank--) z = (z + counts[rank]!) / 2
  z += registerCount * sigma(counts[0]! / registerCount)
  return registerCount ** 2 / (2 * Math.LN2 * z)
}

/** x + Σ x^(2^k) · 2^(k-1) from k = 1: corrects for registers that are still 0. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let sum = x
  let before: number
  let power = x
  let factor = 1
  do {
    before = sum
    power *= power
    sum += power * factor
    factor *= 2
  } while (sum !== before)
  return sum
}

/** (1 - x - Σ (1 - x^(2^-k))² · 2^-k from k = 1) / 3: corrects for registers that are full. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let sum = 1 - x
  let before: number
  let root = x
  let factor = 1
  do {
    before = sum
    root = Math.sqrt(root)
    factor /= 2
    sum -= (1 - root) ** 2 * factor
  } while (sum !== before)
  return sum / 3
}
