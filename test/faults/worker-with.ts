import { openEngine } from '../../src/cli/config-option.ts'
import { connectLog, connectStore } from '../../src/cli/connect.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Log, SliceWriter } from '../../src/log/log.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { startService } from '../../src/service.ts'

/** Runs the service of the configuration that the command line names, with another writer, until SIGTERM. */
export async function runWorkerWith(
  openWriter: (log: Log, transactionalId: string, config: Config) => Promise<SliceWriter>,
): Promise<never> {
  const engine = openEngine(process.argv[2]!)
  const logger = createLogger('info')
  const clickhouse = connectStore(engine.config)
  const real = await connectLog(engine.config, logger)
  const log: Log = new Proxy(real, {
    get: (of, name: keyof Log) =>
      name === 'openWriter' ? (id: string) => openWriter(of, id, engine.config) : of[name].bind(of),
  })
  const service = await startService(engine, { log, clickhouse, registry: undefined, logger })
  await Promise.race([new Promise((resolve) => process.once('SIGTERM', resolve)), service.crashed])
  await service.stop(15_000)
  await real.close()
  await clickhouse.close()
  // A consumer that waits for its group would keep the process.
  process.exit()
}
