import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { createLogger } from '../ops/logger.ts'
import { checks } from '../tools/doctor/checks.ts'
import { examine } from '../tools/doctor/examine.ts'
import { formatFindings } from '../tools/doctor/format.ts'
import { World } from '../tools/doctor/world.ts'
import { configOption } from './config-option.ts'
import { connectLog, connectRegistryOf } from './connect.ts'
import { exitCode } from './exit.ts'
import { kafkaOptions } from './kafka-options.ts'

/** How long a hanging connection may hold up the end. */
const closeMs = 2_000

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check all that beckon needs, and say how to mend what is wrong; changes nothing')
    .addOption(configOption())
    .option('--json', 'one JSON array of findings')
    .action(async ({ config: configFile, json }: { config: string; json?: true }) => {
      const logger = createLogger('silent')
      const world = new World({
        configFile,
        env: process.env,
        kafkaOptions,
        openLog: (config) => connectLog(config, logger),
        openRegistry: connectRegistryOf,
      })
      const findings = await examine(checks, world)
      console.log(json ? JSON.stringify(findings) : formatFindings(findings))
      if (findings.some(({ status }) => status === 'fail')) process.exitCode = exitCode.failed
      await Promise.race([world.close(), sleep(closeMs, undefined, { ref: false })])
    })
}
