import type { WriteStream } from 'node:tty'
import { Command, InvalidArgumentError } from 'commander'
import { type DemoOptions, runDemo } from '../tools/demo/demo.ts'
import { DemoError } from '../tools/demo/demo-error.ts'
import type { Figures } from '../tools/demo/run.ts'
import { Screen } from '../tools/demo/screen.ts'
import { grouped, ms } from '../tools/demo/view.ts'
import { StackError } from '../tools/stack/stack-error.ts'
import { CommandError, exitCode } from './exit.ts'

interface Options {
  readonly events?: number
  readonly rate?: number
  readonly seed: number
  readonly json?: true
  readonly keep?: true
  readonly inMemory?: true
  readonly kafkaPort: number
  readonly clickhousePort: number
  readonly metricsPort: number
}

const port = wholeNumber(1, 65_535)
const exitPatienceMs = 2_000

export function demoCommand(): Command {
  return new Command('demo')
    .description("a local stack, the service, and a simulated shop's visitors streaming through it, until Ctrl-C")
    .option('--events <n>', 'end after that many records, and check and print the figures', wholeNumber(1, 100_000_000))
    .option('--rate <n>', 'records a second (2000; with --events 5000)', wholeNumber(1, 1_000_000))
    .option('--seed <n>', 'another seed, other visitors', wholeNumber(0, 0xffff_ffff), 1)
    .option('--json', 'the figures as one JSON line, last on stdout; all else goes to stderr')
    .option('--keep', 'leave the stack and its data at the end')
    .option('--in-memory', 'no Kafka: the log and the service in this process (so too without Java and Maven)')
    .option('--kafka-port <port>', 'any free one by default', port, 0)
    .option('--clickhouse-port <port>', 'any free one by default', port, 0)
    .option('--metrics-port <port>', 'any free one by default', port, 0)
    .action(demo)
}

async function demo(options: Options): Promise<void> {
  const { events = Number.POSITIVE_INFINITY, seed, json = false, keep = false, inMemory = false } = options
  if (json && options.events === undefined) throw new CommandError('--json needs --events', exitCode.usage)
  const demoOptions: DemoOptions = {
    stream: { events, rate: options.rate ?? (options.events === undefined ? 2_000 : 5_000), seed },
    inMemory,
    keep,
    ports: { kafka: options.kafkaPort, clickhouse: options.clickhousePort, metrics: options.metricsPort },
  }
  const screen = new Screen((json ? process.stderr : process.stdout) as WriteStream)
  const figures = await untilSignal(screen, (signal) => explaining(() => runDemo(demoOptions, screen, signal)))
  if (figures === undefined) {
    if (options.events !== undefined) throw new CommandError('interrupted before the last event')
    return
  }
  console.log(json ? JSON.stringify(figures) : formatFigures(figures))
}

/** Runs the work with an abort signal, set by SIGINT, SIGTERM and SIGHUP. The work then ends in order, in bounded time. */
async function untilSignal<T>(screen: Screen, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const stop = () => {
    if (!abort.signal.aborted) screen.say('stopping everything that the demo has started')
    abort.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, stop)
  // The terminal was closed, or the reader of the pipe is gone: the demo still has to end what it started.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => abort.abort())
  try {
    return await work(abort.signal)
  } finally {
    for (const signal of signals) process.off(signal, stop)
    // If its broker has died, kafkajs keeps retrying and would keep the process alive.
    setTimeout(() => process.exit(), exitPatienceMs).unref()
  }
}

async function explaining<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StackError || error instanceof DemoError) throw new CommandError(error.message)
    throw error
  }
}

function formatFigures({ event_to_action_ms: { p50, p99 }, ...figures }: Figures): string {
  const { produced, bad_records: bad, events, actions, dead_letters: deadLetters, profiles } = figures
  return [
    `${grouped(produced)} records produced, ${grouped(bad)} of them bad`,
    `= ${grouped(events)} events in ClickHouse + ${grouped(deadLetters)} dead letters`,
    `${grouped(actions)} actions for some of ${grouped(profiles)} customers`,
    `${grouped(figures.events_per_second)} events/s${p50 && p99 ? `, event to action p50 ${ms(p50)}, p99 ${ms(p99)}` : ''}`,
  ].join('\n')
}

function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= from && number <= to) return number
    throw new InvalidArgumentError(`Give a whole number from ${from} to ${to}.`)
  }
}
