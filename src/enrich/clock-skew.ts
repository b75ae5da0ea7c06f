/**
 * Event time without the client's clock error, by Segment's formula: receivedAt - (sentAt - originalTimestamp). The
 * client's clock only matters as a difference: how long the event waited on the device. The time on the network counts as
 * waiting too. All in ms since 1970 UTC, 0 if the producer sent none; without all three the time stays as it is.
 *
 * Bound: never after receivedAt. If a client dates an event after it sent it, its clock was set back in between; then the
 * difference means nothing, and the event counts as received at once. There is no tolerance: for a right clock the time
 * moves by no more than the network's latency. `settleTime` in `ingest/plan.ts` decides which time is corrected, and that
 * it happens only once.
 */
export function correctedTimeMs(timeMs: number, sentAtMs: number, receivedAtMs: number): number {
  if (timeMs === 0 || sentAtMs === 0 || receivedAtMs === 0) return timeMs
  return receivedAtMs - Math.max(0, sentAtMs - timeMs)
}
