import type { Aggregate } from '../aggregate.ts'

/** A count or a sum per `perMs`, over the size of the window: total / (size / per). */
export function rate(of: Aggregate, perMs: number): Aggregate {
  return {
    ...of,
    type: 'double',
    read(panes, from, to, offset, keptAt, asOfMs, sizeMs) {
      return (of.read(panes, from, to, offset, keptAt, asOfMs, sizeMs) as number) / (sizeMs / perMs)
    },
  }
}
