import { Random } from '../../src/tools/demo/random.ts'

/**
 * A history as a log may deliver it: events late by up to `latenessMs`, a few by far more than any window keeps, and some twice.
 * The same seed gives the same order.
 */
export interface Disturbance {
  readonly latenessMs: number
  /** The share of events that come once more, and that of those that come very late. */
  readonly duplicates: number
  readonly stragglers: number
  readonly seed: number
}

const stragglerMs = 40 * 86_400_000

export function disturb<E extends { readonly timeMs: number }>(events: readonly E[], how: Disturbance): E[] {
  const { latenessMs, duplicates, stragglers, seed } = how
  const random = new Random(seed)
  const arrivals = events.flatMap((event) => {
    const atMs = event.timeMs + random.unit() * (random.chance(stragglers) ? stragglerMs : latenessMs)
    return random.chance(duplicates)
      ? [
          { event, atMs },
          { event, atMs: atMs + random.unit() * latenessMs },
        ]
      : [{ event, atMs }]
  })
  return arrivals.sort((a, b) => a.atMs - b.atMs).map(({ event }) => event)
}
