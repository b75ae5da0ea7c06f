import type { Panes, Total } from '../aggregate.ts'
import { hashScalar } from './hash.ts'
import { indexOf, type Registers, rankOf } from './hyper-log-log.ts'
import type { Scalar } from './order.ts'
import { SlidingRegisters } from './sliding-registers.ts'

/** A pane's values; once there were more than `max`, their registers. */
export type Values = Set<Scalar> | Registers

/** The number of different values of some rows. */
export class DistinctTotal implements Total {
  readonly #max: number
  /** How many rows have each value, not counting rows that have become registers. */
  readonly #rowsOf = new Map<Scalar, number>()
  #rowsOfRegisters = 0
  /** Registers of all rows; made at the first read. */
  #registers: SlidingRegisters | undefined

  constructor(max: number) {
    this.#max = max
  }

  enter(_cells: readonly number[], _at: number, kept: unknown, rowKey: number): void {
    if (kept instanceof Uint8Array) this.#rowsOfRegisters++
    else for (const value of (kept as Set<Scalar> | undefined) ?? []) this.#count(value)
    if (this.#registers !== undefined) noteRow(this.#registers, kept as Values | undefined, rowKey)
  }

  leave(_cells: readonly number[], _at: number, kept: unknown, rowKey: number): void {
    if (kept instanceof Uint8Array) {
      this.#rowsOfRegisters--
      for (let i = 0; i < kept.length; i++) if (kept[i]! > 0) this.#registers?.remove(i, rowKey)
      return
    }
    for (const value of (kept as Set<Scalar> | undefined) ?? []) {
      const rows = this.#rowsOf.get(value)! - 1
      if (rows > 0) this.#rowsOf.set(value, rows)
      else this.#rowsOf.delete(value)
      if (this.#registers === undefined) continue
      hashScalar(value, hash)
      this.#registers.remove(indexOf(hash), rowKey)
    }
  }

  /** In the registers, rows with the same key can't be told apart. */
  forget(): void {
    this.#registers = undefined
  }

  /** Adds a value that is new to a row of values. */
  addValue(value: Scalar, rowKey: number): void {
    this.#count(value)
    this.noteValue(value, rowKey)
  }

  /** Adds a value of a row that has become registers. */
  noteValue(value: Scalar, rowKey: number): void {
    if (this.#registers !== undefined) note(this.#registers, value, rowKey)
  }

  read(panes: Panes, from: number, to: number, _offset: number, keptAt: number): number {
    if (this.#rowsOfRegisters === 0 && this.#rowsOf.size <= this.#max) return this.#rowsOf.size
    if (this.#registers === undefined) {
      this.#registers = new SlidingRegisters()
      const { cells, stride, kept, keptStride } = panes
      for (let row = from; row < to; row++) {
        noteRow(this.#registers, kept[row * keptStride + keptAt] as Values | undefined, cells[row * stride]!)
      }
    }
    return Math.max(this.#max + 1, Math.round(this.#registers.estimate()))
  }

  #count(value: Scalar): void {
    this.#rowsOf.set(value, (this.#rowsOf.get(value) ?? 0) + 1)
  }
}

const hash = new Uint32Array(2)

function noteRow(registers: SlidingRegisters, values: Values | undefined, rowKey: number): void {
  if (values instanceof Uint8Array) {
    for (let i = 0; i < values.length; i++) if (values[i]! > 0) registers.add(i, values[i]!, rowKey)
  } else for (const value of values ?? []) note(registers, value, rowKey)
}

function note(registers: SlidingRegisters, value: Scalar, rowKey: number): void {
  hashScalar(value, hash)
  registers.add(indexOf(hash), rankOf(hash), rowKey)
}
