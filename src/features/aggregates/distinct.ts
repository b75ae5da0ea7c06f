import type { Aggregate } from '../aggregate.ts'
import { DistinctTotal, type Values } from './distinct-total.ts'
import { addToRegisters, emptyRegisters, estimate, mergeRegisters, type Registers } from './hyper-log-log.ts'
import { isScalar, type Scalar } from './order.ts'

/**
 * The number of different values: exact for up to `max` of them in the window, past that HyperLogLog's estimate with a
 * standard error of 1.6 %. Depends only on the set of values, not on how they are spread over panes and merged.
 */
export function distinct(max: number): Aggregate {
  const include = (values: Values = new Set(), value: Scalar): Values => {
    if (values instanceof Uint8Array) {
      addToRegisters(values, value)
      return values
    }
    values.add(value)
    return values.size > max ? toRegisters(values) : values
  }
  const unite = (values: Values | undefined, from: Values | undefined): Values | undefined => {
    if (from === undefined) return values
    if (from instanceof Uint8Array) {
      const registers = values instanceof Uint8Array ? values : toRegisters(values ?? [])
      mergeRegisters(registers, from)
      return registers
    }
    let united = values
    for (const value of from) united = include(united, value)
    return united
  }
  return {
    cells: 0,
    keeps: true,
    type: 'int',
    start() {},
    add(cells, at, value, _timeMs, kept, _key, totals) {
      if (!isScalar(value)) return kept
      const before = kept as Values | undefined
      if (totals === undefined) return include(before, value)
      const { rowKey } = totals
      const of = totals.of as readonly DistinctTotal[]
      if (before instanceof Uint8Array) for (const total of of) total.noteValue(value, rowKey)
      else if (before?.has(value)) return before
      else if (before?.size !== max) for (const total of of) total.addValue(value, rowKey)
      else {
        for (const total of of) total.leave(cells, at, before, rowKey)
        const registers = include(before, value)
        for (const total of of) total.enter(cells, at, registers, rowKey)
        return registers
      }
      return include(before, value)
    },
    merge: (_cells, _at, kept, _from, _fromAt, fromKept) => unite(kept as Values, fromKept as Values),
    read(panes, from, to, _offset, keptAt) {
      let only: Values | undefined
      let united: Values | undefined
      for (let row = from; row < to; row++) {
        const values = panes.kept[row * panes.keptStride + keptAt] as Values | undefined
        if (values === undefined) continue
        if (only === undefined) only = values
        else united = unite(united ?? unite(undefined, only), values)
      }
      const values = united ?? only
      if (values instanceof Uint8Array) return Math.max(max + 1, Math.round(estimate(values)))
      return values?.size ?? 0
    },
    makeTotal: () => new DistinctTotal(max),
    readsOneRowAsItIs: true,
  }
}

function toRegisters(values: Iterable<Scalar>): Registers {
  const registers = emptyRegisters()
  for (const value of values) addToRegisters(registers, value)
  return registers
}
