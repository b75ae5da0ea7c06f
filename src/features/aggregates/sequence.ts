import type { Aggregate } from '../aggregate.ts'

/**
 * How often the steps were completed: the most chains t1 <= t2 <= … <= tn, each time one of an event that meets the condition
 * of its step, with tn - t1 <= `withinMs`, of which each begins in a later ms than the one before it ended. `strict` chains
 * let no other event in: between two steps there is no ms that holds any. Events of one ms count in the order of the steps,
 * and an event that meets several conditions may take several steps, as in a funnel.
 *
 * The value is the steps that an event meets, as bits; a row holds those of one ms. Going through them in order and taking
 * each chain as soon as it ends leaves the most room for those after it, and of each step it is enough to know the latest
 * start of a way that leads there.
 */
export function sequence(steps: number, withinMs: number, strict: boolean): Aggregate {
  const never = Number.NEGATIVE_INFINITY
  const starts = new Array<number>(steps).fill(never)
  let completed = 0

  const advance = (timeMs: number, met: number) => {
    /** The start of the step before, as it was before this ms. */
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
  /** Goes on from a row: one that was merged keeps what was completed, and the start of each step that was reached since. */
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
    /** The other row follows this one in time. */
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
