/**
 * Event time without the client's clock error, by Segment's formula: receivedAt - (sentAt - originalTimestamp). The
 * client's clock enters only as a difference, the time that the event waited on the device; the network's time counts
 * as waiting. All in ms since 1970 UTC, 0 where the producer sent none: without all three the time stays as it is.
 *
 * Bound: never after receivedAt. A client that dates an event after it sent it had its clock set back in between; the
 * difference says nothing then, and the event counts as received at once. There is no tolerance: a right clock is
 * moved by the network's latency only. Which time it is applied to, and that once: `settleTime` in `ingest/plan.ts`.
 */
export function correctedTimeMs(timeMs: number, sentAtMs: number, receivedAtMs: number): number {
  if (timeMs === 0 || sentAtMs === 0 || receivedAtMs === 0) return timeMs
  return receivedAtMs - Math.max(0, sentAtMs - timeMs)
}
