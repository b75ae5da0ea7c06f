import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { Command, Option } from 'commander'
import { readConfig } from '../config/load.ts'
import type { TopicConfig } from '../config/schema.ts'
import { mappingOf } from '../config/topic-mapping.ts'
import type { PublishedAction } from '../emit/action.ts'
import { compileEngine, type Engine } from '../engine.ts'
import type { FieldMapping } from '../ingest/mapping.ts'
import { builtInConfig } from '../tools/replay/built-in-config.ts'
import { readMappingFile } from '../tools/replay/mapping-file.ts'
import { openProgress } from '../tools/replay/progress.ts'
import { Replay } from '../tools/replay/replay.ts'
import { formatSummary } from '../tools/replay/summary.ts'
import { findTopic } from '../tools/replay/topic.ts'
import { accessLogMapping } from '../tools/sources/access-log.ts'
import { openSource, type Source, type SourceFormat } from '../tools/sources/open.ts'
import { SourceError } from '../tools/sources/row.ts'
import { CommandError, exitCode } from './exit.ts'

interface ReplayOptions {
  readonly config?: string
  readonly topic?: string
  readonly mapping?: string
  readonly format?: SourceFormat
  readonly numbers?: readonly string[]
  readonly json?: true
  readonly out?: string
}

/** Where a command writes: the process, or streams of a test. */
interface Streams {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

export function replayCommand(streams: Streams = process): Command {
  return new Command('replay')
    .description(
      'events of files through the same core, without Kafka: actions as NDJSON on stdout, a summary on stderr',
    )
    .argument('<file...>', 'NDJSON, CSV or a combined access log, each also as .gz; - is stdin')
    .addOption(new Option('-c, --config <file>', 'the configuration (a built-in one by default)').env('BECKON_CONFIG'))
    .option('--topic <name>', "whose mapping to use, of the configuration's topics")
    .option('--mapping <file>', "what a topic's mapping holds, as a YAML file of its own")
    .addOption(
      new Option('--format <format>', 'told by the name or the first line').choices(['ndjson', 'csv', 'access-log']),
    )
    .option('--numbers <columns>', 'columns of a CSV file that hold numbers, with commas between', (text) =>
      text.split(','),
    )
    .option('--json', 'the summary as a JSON line, last on stdout')
    .option('--out <file>', 'where the actions go instead of stdout')
    .action((files: string[], options: ReplayOptions) => explaining(() => replay(files, options, streams)))
}

async function replay(files: readonly string[], options: ReplayOptions, { stdout, stderr }: Streams): Promise<void> {
  const sizes = await Promise.all(files.map(sizeOf))
  const totalBytes = sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined
  const progress = openProgress(stderr, options.json ?? false)
  let readBytes = 0
  const open = (index: number): Promise<Source> => {
    const before = sizes.slice(0, index).reduce<number>((sum, size) => sum + (size ?? 0), 0)
    return openSource(files[index]!, {
      ...(options.format && { format: options.format }),
      ...(options.numbers && { numbers: options.numbers }),
      onProgress: (bytes) => {
        readBytes = before + bytes
      },
    })
  }

  const first = await open(0)
  const engine = openReplayEngine(options.config, first.format)
  const topic = topicOf(engine, options.topic)
  const fileMapping = options.mapping === undefined ? undefined : readMappingFile(options.mapping, topic.role)
  const run = new Replay(engine, topic.name, Date.now())
  const out = await openOutput(options.out, stdout)
  let fault: unknown
  try {
    for (const [index, name] of files.entries()) {
      const source = index === 0 ? first : await open(index)
      const mapping = fileMapping ?? mappingFor(source.format, topic)
      for await (const actions of run.actions({ name, rows: source.rows, mapping, role: topic.role })) {
        await out.write(actions)
        progress.update(run.lines, totalBytes === undefined ? undefined : readBytes / totalBytes)
      }
    }
    fault = run.fault
  } catch (error) {
    if (run.lines === 0) throw error
    // Still report what was replayed before it.
    fault = error
  }
  const seconds = progress.end()
  await out.end()

  const summary = run.summary()
  if (options.json) stdout.write(`${JSON.stringify({ summary: true, ...summary })}\n`)
  else {
    const rate = Math.round(summary.lines / seconds).toLocaleString('en-US')
    stderr.write(`${formatSummary(summary)}time      ${seconds.toFixed(1)} s, ${rate} lines/s\n`)
  }
  if (fault !== undefined) throw fault
  if (summary.lines > 0 && summary.events === 0) throw new CommandError('no line could be read as an event')
}

/** undefined for stdin. */
async function sizeOf(file: string): Promise<number | undefined> {
  if (file === '-') return undefined
  try {
    return (await stat(file)).size
  } catch {
    throw new CommandError(`${file}: no such file, or it can't be read`, exitCode.usage)
  }
}

/** If no file is named, a built-in configuration, which the environment does not change. */
function openReplayEngine(file: string | undefined, format: SourceFormat): Engine {
  return compileEngine(file === undefined ? readConfig(builtInConfig(format), {}) : readConfig(file, process.env))
}

function topicOf({ config }: Engine, name: string | undefined): TopicConfig {
  const topic = findTopic(config, name)
  if (topic !== undefined) return topic
  const names = config.topics.map((one) => one.name).join(', ')
  throw new CommandError(
    `${name === undefined ? 'say which with --topic' : `no topic ${name}`}: there are ${names}`,
    exitCode.usage,
  )
}

function mappingFor(format: SourceFormat, topic: TopicConfig): FieldMapping | undefined {
  if (format === 'access-log') return accessLogMapping
  const mapping = mappingOf(topic, () => assert.fail('the engine compiled it before'))
  if (mapping !== undefined && (topic.mapping !== undefined || format === 'ndjson')) return mapping
  if (format === 'ndjson') return undefined
  throw new CommandError(
    'a CSV file needs --mapping, or a topic of the configuration that has a mapping',
    exitCode.usage,
  )
}

interface Output {
  write(actions: readonly PublishedAction[]): Promise<void>
  end(): Promise<void>
}

async function openOutput(file: string | undefined, stdout: NodeJS.WritableStream): Promise<Output> {
  const stream: NodeJS.WritableStream = file === undefined ? stdout : createWriteStream(file)
  if (file !== undefined) await once(stream, 'open')
  // The reader of the pipe has had enough (`| head`).
  else
    stream.on('error', (error: NodeJS.ErrnoException) =>
      process.exit(error.code === 'EPIPE' ? exitCode.done : exitCode.failed),
    )
  return {
    async write(actions) {
      let text = ''
      for (const action of actions) text += `${JSON.stringify(action)}\n`
      if (text !== '' && !stream.write(text)) await once(stream, 'drain')
    },
    async end() {
      if (file === undefined) return
      stream.end()
      await finished(stream)
    },
  }
}

async function explaining(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    throw new CommandError(error.message, error.code === 'unknown_format' ? exitCode.usage : exitCode.failed)
  }
}
