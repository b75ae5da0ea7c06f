import type { Aggregate } from '../aggregate.ts'

/**
 * The share of events that meet the condition, pulled towards a prior that weighs as much as `weight` events:
 * (successes + weight·prior) / (events + weight). So one success in one event does not read as 100 % (Metarank's rate).
 */
export function smoothedRate(prior: number, weight: number): Aggregate {
  return {
    cells: 2,
    keeps: false,
    type: 'double',
    start() {},
    add(cells, at, value) {
      cells[at]!++
      if (value === true) cells[at + 1]!++
    },
    merge(cells, at, _kept, from, fromAt) {
      cells[at]! += from[fromAt]!
      cells[at + 1]! += from[fromAt + 1]!
    },
    read(panes, from, to, offset) {
      let events = 0
      let successes = 0
      for (let row = from; row < to; row++) {
        const at = row * panes.stride + offset
        events += panes.cells[at]!
        successes += panes.cells[at + 1]!
      }
      return (successes + weight * prior) / (events + weight)
    },
  }
}
