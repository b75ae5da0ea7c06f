import { Command } from 'commander'
import { ClockError } from '../ops/clock-watch.ts'
import { createLogger } from '../ops/logger.ts'
import { startService } from '../service.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectLog, connectRegistryOf, connectStore } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'

/** From SIGTERM to the end; orchestrators kill at 30 s. */
const stopMs = 15_000
/** For saying good-bye to the brokers. */
const leaveMs = 2_000

export function runCommand(): Command {
  return new Command('run')
    .description('run the service until SIGTERM or SIGINT')
    .addOption(configOption())
    .action(async ({ config: file }: { config: string }) => {
      const engine = openEngine(file)
      const { config } = engine
      const logger = createLogger(config.ops.log_level)
      const clickhouse = connectStore(config)
      const log = await connectLog(config, logger)
      process.exitCode = exitCode.failed
      try {
        const service = await startService(engine, { log, clickhouse, registry: connectRegistryOf(config), logger })
        const wrongClock = await Promise.race([asked(), service.crashed]).catch((error) => {
          if (error instanceof ClockError) return error
          process.exitCode = exitCode.bug
          logger.error('consumer.crashed', { error, hint: 'the process ends; its supervisor starts it again' })
          throw new CommandError('the Kafka consumer ended for good; see the log line consumer.crashed', exitCode.bug)
        })
        logger.info('stopping')
        await service.stop(stopMs)
        logger.info('stopped')
        if (wrongClock) throw wrongClock
        process.exitCode = exitCode.done
      } finally {
        // Everything is committed and saved by now. A retry timer of kafkajs can outlive its client and hold up the close or
        // the process. So this timer ends the process; it is unref'd, so it holds nothing up itself.
        setTimeout(() => process.exit(), leaveMs).unref()
        await log.close()
        await clickhouse.close()
      }
    })
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function asked(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.once('SIGTERM', () => process.exit(exitCode.failed))
      process.once('SIGINT', () => process.exit(exitCode.failed))
      resolve()
    }
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
  })
}
