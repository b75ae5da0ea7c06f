import { Command, InvalidArgumentError } from 'commander'
import { loadConfig } from '../config/load.ts'
import { readCounts } from '../tools/covered/clickhouse/counts.ts'
import { coverageOf } from '../tools/covered/coverage.ts'
import { formatCoverage } from '../tools/covered/format.ts'
import { parseMoment } from '../tools/training/asked.ts'
import { configOption } from './config-option.ts'
import { connectStore, largeTableMs } from './connect.ts'
import { printable } from './table.ts'

interface Options {
  readonly config: string
  readonly from?: number
  readonly to?: number
  readonly json?: true
}

/** The last moment of 2299, the end of a DateTime64. */
const latestMs = 10_413_791_999_999

export function coverageCommand(): Command {
  return new Command('coverage')
    .description('who is left with nothing and why; which actions are never chosen, and who beats them')
    .addOption(configOption())
    .option(
      '--from <time>',
      'decisions from that time on (ISO 8601, or ms since 1970); else all that are stored',
      parseTime,
    )
    .option('--to <time>', 'decisions before that time', parseTime)
    .option('--json', 'one JSON object')
    .action(async ({ config: file, from = 0, to = latestMs, json }: Options) => {
      const { config } = loadConfig(file, process.env)
      const client = connectStore(config, largeTableMs)
      try {
        const counts = await readCounts(client, { fromMs: from, toMs: to })
        const coverage = coverageOf(
          counts,
          config.actions.map(({ name }) => name),
        )
        if (json) console.log(JSON.stringify(coverage))
        else console.log(formatCoverage(coverage).map(printable).join('\n'))
      } finally {
        await client.close()
      }
    })
}

function parseTime(text: string): number {
  const ms = parseMoment(text)
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Give a time in ISO 8601, such as 2026-01-31T12:00:00Z, or in ms.')
  return ms
}
