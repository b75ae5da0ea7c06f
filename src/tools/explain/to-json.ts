import type { Explanation } from './explain.ts'

/** An explanation as one JSON object, in the words of the table `decisions`. Times are ISO 8601. */
export function toJson({ decision, event, stored, equal, missing, candidates, row }: Explanation): object {
  const { timeMs, ...key } = decision
  return {
    decision: { ...key, time: new Date(timeMs).toISOString() },
    ...(event && { event: { type: event.type, time: new Date(event.timeMs).toISOString() } }),
    stored,
    equal,
    missing,
    ...(candidates && { candidates }),
    ...(row && { row }),
  }
}
