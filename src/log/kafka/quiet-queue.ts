import { createRequire } from 'node:module'

/** What we use of the request queue that each of kafkajs's connections has. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

const { prototype }: { prototype: RequestQueue } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
const schedule = prototype.scheduleCheckPendingRequests

/**
 * kafkajs 2.2.4 checks every ms, on each connection and for as long as it lives, whether a request waits for its turn, even when
 * none does (and Node 24 warns about its negative timeout). A request that has to wait schedules the check itself.
 */
prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this)
}
