import { runWorkerWith } from './worker-with.ts'

/**
 * The negative control: the service with transactional ids of the worker instead of the partition, so that nobody
 * fences a worker that lost its partitions and does not know it. `one-id-worker.js CONFIG`.
 */
await runWorkerWith((log, id) => log.openWriter(`${id}.${process.pid}`))
