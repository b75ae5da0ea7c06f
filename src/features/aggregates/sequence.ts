import type { Aggregate } from '../aggregate.ts'

/**
 * How often the steps were completed: the largest number of chains t1 <= t2 <= … <= tn, each t the time of an event that
 * meets the condition of its step, with tn - t1 <= `withinMs`. Each chain begins in a later ms than the one before it ended.
 * `strict` chains allow no other event: between two steps there is no ms with an event. Events in the same ms count in the
 * order of the steps, and an event that meets several conditions may take several steps, as in a funnel.
 *
 * The value is the steps that an event meets, as bits; a row holds the steps of one ms. We go through the rows in order and
 * take each chain as soon as it is complete, which leaves the most room for later chains. For each step it is enough to know
 * the latest start from which it was reached.
 */
export function sequence(steps: number, withinMs: number, strict: boolean): Aggregate {
  const never = Number.NEGATIVE_INFINITY
  const starts = new Array<number>(steps).fill(never)
  let completed = 0

  const advance = (timeMs: number, met: number) => {
    /** The start kept for the previous step, as it was before this ms. */
    let before = never
    for (let step = 0; step < steps; step++) {
      const own = starts[step]!
      if ((met & (1 << step)) === 0) {
        if (strict) starts[step] = never
      } else {
        const start = step === 0 ? timeMs : Math.max(before, starts[step - 1]!)
        if (timeMs - start <= withinMs) starts[step] = start
        else if (strict) starts[step] = never
      }
      before = own
    }
    if (starts[steps - 1] === never) return
    completed++
    starts.fill(never)
  }
  /** Goes on from a row. A merged row keeps how many chains were completed, and the start of each step reached since. */
  const follow = (cells: readonly number[], at: number, kept: unknown) => {
    if (kept === undefined) return advance(cells[at]!, cells[at + 1]!)
    completed = cells[at + 2]!
    for (const [step, startMs] of kept as ReadonlyMap<number, number>) starts[step] = startMs
  }
  const begin = () => {
    completed = 0
    starts.fill(never)
  }
  return {
    cells: 3,
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
      begin()
      follow(cells, at, kept)
      follow(from, fromAt, fromKept)
      cells[at + 2] = completed
      return new Map([...starts.entries()].filter(([, startMs]) => startMs !== never))
    },
    read({ cells, stride, kept, keptStride }, from, to, offset, keptAt) {
      begin()
      for (let row = from; row < to; row++) follow(cells, row * stride + offset, kept[row * keptStride + keptAt])
      return completed
    },
  }
}
