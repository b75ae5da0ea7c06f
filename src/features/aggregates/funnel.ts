import type { Aggregate } from '../aggregate.ts'

/**
 * The furthest step k of a funnel: the largest k with times t1 <= t2 <= … <= tk, each the time of an event that meets the
 * condition of its step, and tk - t1 <= `withinMs`. Events in the same ms count in the order of the steps, and an event
 * that meets several conditions may take several steps. This is ClickHouse's `windowFunnel` in its default mode.
 *
 * The value is the steps that an event meets, as bits; a row holds the steps of one ms. Going through the rows in order, it
 * is enough to know for each step the latest start from which it was reached: a later start leaves more time.
 */
export function funnel(steps: number, withinMs: number): Aggregate {
  const never = Number.NEGATIVE_INFINITY
  const starts = new Array<number>(steps).fill(never)

  const advance = (timeMs: number, met: number) => {
    for (let step = 0; step < steps; step++) {
      if ((met & (1 << step)) === 0) continue
      if (step === 0) starts[0] = timeMs
      else if (timeMs - starts[step - 1]! <= withinMs) starts[step] = starts[step - 1]!
    }
  }
  /** Goes on from a row. A merged row keeps the start of each step that was reached. */
  const follow = (cells: readonly number[], at: number, kept: unknown) => {
    if (kept === undefined) advance(cells[at]!, cells[at + 1]!)
    else for (const [step, startMs] of kept as ReadonlyMap<number, number>) starts[step] = startMs
  }
  return {
    cells: 2,
    keeps: true,
    type: 'int',
    start() {},
    add(cells, at, value, timeMs, kept) {
      cells[at] = timeMs
      cells[at + 1]! |= value as number
      return kept
    },
    /** The other row comes after this one in time. */
    merge(cells, at, kept, from, fromAt, fromKept) {
      starts.fill(never)
      follow(cells, at, kept)
      follow(from, fromAt, fromKept)
      const reached = new Map<number, number>()
      for (let step = 0; step < steps; step++) if (starts[step] !== never) reached.set(step, starts[step]!)
      return reached
    },
    read({ cells, stride, kept, keptStride }, from, to, offset, keptAt) {
      starts.fill(never)
      for (let row = from; row < to; row++) follow(cells, row * stride + offset, kept[row * keptStride + keptAt])
      let furthest = steps
      while (furthest > 0 && starts[furthest - 1] === never) furthest--
      return furthest
    },
  }
}
