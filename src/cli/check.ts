import { Command } from 'commander'
import { ConfigError } from '../config/fault.ts'
import { loadConfig } from '../config/load.ts'
import { compileEngine } from '../engine.ts'
import { configOption } from './config-option.ts'
import { exitCode } from './exit.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('list all faults of the configuration, with file and line; talks to nothing')
    .addOption(configOption())
    .option('--json', 'one JSON object')
    .action(({ config: file, json }: { config: string; json?: true }) => {
      try {
        const { features, policy, config } = compileEngine(loadConfig(file, process.env))
        const counts = {
          topics: config.topics.length,
          features: features.features.length,
          actions: policy.names.length,
        }
        if (json) console.log(JSON.stringify({ ok: true, faults: [], ...counts, policy: policy.version }))
        else
          console.log(
            `ok: ${counts.topics} topics, ${counts.features} features, ${counts.actions} actions; policy ${policy.version}`,
          )
      } catch (error) {
        if (!json || !(error instanceof ConfigError)) throw error
        console.log(JSON.stringify({ ok: false, faults: error.faults }))
        process.exitCode = exitCode.usage
      }
    })
}
