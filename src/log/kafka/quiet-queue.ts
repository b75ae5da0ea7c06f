import { createRequire } from 'node:module'

/** What we know of the queue of requests that each of kafkajs's connections has. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

const { prototype }: { prototype: RequestQueue } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
const schedule = prototype.scheduleCheckPendingRequests

/**
 * kafkajs 2.2.4 looks every ms whether a request waits for its turn, on each connection, for as long as it lives, also
 * where none does (and Node 24 warns of its negative timeout). A request that has to wait schedules the look itself.
 */
prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this)
}
