import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { pipeline } from 'node:stream/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { StoreError } from '../store/store-error.ts'
import { SourceError } from '../tools/sources/row.ts'
import { AskedFault, openAsked, parseMoment } from '../tools/training/asked.ts'
import { firstEventMs } from '../tools/training/clickhouse/first-event.ts'
import { buildTrainingSet, type TrainingFormat } from '../tools/training/clickhouse/training-set.ts'
import { planTraining, type TrainingPlan } from '../tools/training/plan.ts'
import { configOption, openEngine } from './config-option.ts'
import { connectStore, largeTableMs } from './connect.ts'
import { CommandError, exitCode } from './exit.ts'

interface Options {
  readonly config: string
  readonly asOf?: number
  readonly customers?: string
  readonly rows?: string
  readonly features?: readonly string[]
  readonly format?: TrainingFormat
  readonly out?: string
  readonly json?: true
}

export function featuresCommand(): Command {
  return new Command('features')
    .description(
      'training sets: the features as they were known before a moment, computed from the events in ClickHouse',
    )
    .addOption(configOption())
    .option('--as-of <time>', 'a row for each customer, as of that moment (ISO 8601, ms since 1970, or now)', parseTime)
    .option('--customers <file>', 'with --as-of: only those in the column customer of a CSV file')
    .option(
      '--rows <file>',
      'a row for each of a CSV file with the columns customer and time; others are carried along',
    )
    .option('--features <names>', 'only these, with commas between', (text) => text.split(','))
    .addOption(new Option('--format <format>', 'told by the name of --out, else csv').choices(['csv', 'parquet']))
    .option('--out <file>', 'where it goes instead of stdout')
    .option('--json', 'the summary as a JSON line: on stdout, without --out on stderr')
    .action(async (options: Options) => {
      try {
        await writeFeatures(options)
      } catch (error) {
        if (error instanceof AskedFault || error instanceof SourceError) throw usage(error.message)
        throw error
      }
    })
}

const usage = (message: string) => new CommandError(message, exitCode.usage)

function parseTime(text: string): number {
  const ms = text === 'now' ? Date.now() : parseMoment(text)
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Give a time in ISO 8601, such as 2026-01-31T12:00:00Z, or ms, or now.')
  return ms
}

async function writeFeatures(options: Options): Promise<void> {
  const { asOf, customers, rows, out, json } = options
  const startMs = performance.now()
  if ((asOf === undefined) === (rows === undefined)) throw usage('say either --as-of or --rows')
  if (customers !== undefined && asOf === undefined) throw usage('--customers goes with --as-of')
  const format = options.format ?? (out?.toLowerCase().endsWith('.parquet') ? 'parquet' : 'csv')
  if (format === 'parquet' && out === undefined && process.stdout.isTTY)
    throw usage('a terminal takes no Parquet: --out')

  const { config, features } = openEngine(options.config)
  const plan = planTraining(config, features, chosen(config.features, options.features))
  if (plan.untold.length > 0) throw usage(untoldMessage(plan))
  const file = rows ?? customers
  const asked = file === undefined ? asOf! : await openAsked(file, asOf)
  const reserved = ['customer', 'time', ...(typeof asked === 'number' ? [] : asked.carried)]
  const twice = plan.columns.find(({ name }) => reserved.includes(name))
  if (twice !== undefined) throw usage(`${twice.name} is a feature and another column too: choose with --features`)

  const client = connectStore(config, largeTableMs)
  const isWatched = process.stderr.isTTY && !json
  try {
    const set = await buildTrainingSet(client, {
      plan,
      asked,
      onProgress: (done, of) => {
        if (isWatched)
          process.stderr.write(`\r${done.toLocaleString('en-US')} of ${of.toLocaleString('en-US')} rows\u001b[K`)
      },
    })
    if (isWatched) process.stderr.write('\r\u001b[K')
    await write(set.read(format), out)
    const seconds = Number(((performance.now() - startMs) / 1000).toFixed(3))
    const summary = { rows: set.rows, features: plan.columns.length, seconds }
    const line = json ? JSON.stringify(summary) : `${summary.rows} rows, ${summary.features} features, ${seconds} s`
    if (json && out !== undefined) console.log(line)
    else process.stderr.write(`${line}\n`)
    if (set.rows === 0 && asOf !== undefined) process.stderr.write(`${whyNone(asOf, await firstEventMs(client))}\n`)
  } finally {
    await client.close()
  }
}

function chosen(
  declared: readonly { readonly name: string }[],
  names: readonly string[] | undefined,
): readonly string[] {
  if (declared.length === 0) throw usage('the configuration declares no features')
  const known = declared.map(({ name }) => name)
  const unknown = names?.filter((name) => !known.includes(name)) ?? []
  if (unknown.length > 0) throw usage(`no feature ${unknown.join(', ')}: there are ${known.join(', ')}`)
  return [...new Set(names ?? known)]
}

function whyNone(asOfMs: number, firstMs: number | undefined): string {
  if (firstMs === undefined) return 'there are no events yet: beckon run stores them'
  const [asOf, first] = [asOfMs, firstMs].map((ms) => new Date(ms).toISOString())
  return `no events before ${asOf}: the first event is at ${first}`
}

const untoldMessage = ({ untold }: TrainingPlan) =>
  [...untold.map(({ name, reason }) => `${name} has no SQL: ${reason}`), 'choose others with --features'].join('\n')

/** A file only appears when it is complete. */
async function write(bytes: AsyncIterable<Buffer>, file: string | undefined): Promise<void> {
  if (file === undefined) return writeToStdout(bytes)
  const part = `${file}.part`
  try {
    await pipeline(bytes, createWriteStream(part))
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error instanceof StoreError ? error : new CommandError(`${file}: ${(error as Error).message}`)
  }
}

async function writeToStdout(bytes: AsyncIterable<Buffer>): Promise<void> {
  try {
    await pipeline(bytes, process.stdout, { end: false })
  } catch (error) {
    // The reader of the pipe has had enough (`| head`).
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}
