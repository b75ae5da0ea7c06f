import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/tools/demo/random.ts'

/** What the workers' logs say of the faults. */
export interface Seen {
  /** Commits that the brokers refused, since another worker had opened the partition. */
  fenced: number
  /** Freezes that met a worker in the midst of a transaction. */
  inTransaction: number
  /** Events that were folded once more when a partition was opened. */
  replayed: number
  opened: number
  /** Partitions that stopped for good; there should be none. */
  readonly failures: Failure[]
  /** Processes that ended without being asked to: such as those that find no broker when they start. */
  readonly exits: string[]
  /** Processes that did not end when they were asked to. */
  readonly stuck: string[]
}

interface Failure {
  readonly worker: string
  readonly partition: number
  readonly reason: string
  readonly atMs: number
  /** The line of the log. */
  readonly text: string
}

/** How a worker is started. */
export interface WorkerStart {
  /** What node runs. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Modules that are loaded before. */
  readonly imports?: readonly string[]
}

/** The longest that a worker may take to come into a transaction, before it is frozen wherever it is. */
const intoTransactionMs = 5_000
/** The longest that a frozen worker waits for others to take over. */
const takeOverMs = 8_000
/** So many openings by others are its partitions, or some of them; and so long they have then for a few slices. */
const takenOver = 3
const goneOnMs = 700
/** From SIGTERM to the end it may take 15 s. */
const endMs = 25_000

/** API keys of Kafka's protocol: AddPartitionsToTxn, Produce, AddOffsetsToTxn, TxnOffsetCommit, EndTxn. */
const transactionRequests = [24, 0, 25, 28, 26]
const stopper = new URL('stop-in-transaction.js', import.meta.url).href

interface Line {
  readonly event?: string
  readonly code?: string
  readonly count?: number
  readonly partition?: number
  readonly reason?: string
}

/** One worker: a process that is started again, with the same configuration, whenever it has ended. */
export class Worker {
  readonly name: string
  #start: WorkerStart
  readonly #logFile: string
  readonly #seen: Seen
  readonly #random: Random
  #child: ChildProcess | undefined
  #frozen = false
  #stopped = false
  /** Nobody else may touch it until this is over. */
  #busy = false
  #owning = false
  #thawing: NodeJS.Timeout | undefined

  constructor(name: string, start: WorkerStart, logFile: string, seen: Seen, random: Random) {
    this.name = name
    this.#random = random
    this.#start = start
    this.#logFile = logFile
    this.#seen = seen
  }

  get available(): boolean {
    return this.#child !== undefined && !this.#frozen && !this.#busy
  }

  /** It has opened a partition since it was started, or woke up. */
  get owning(): boolean {
    return this.#owning
  }

  /** From the next start on. */
  use(start: WorkerStart): void {
    this.#start = start
  }

  start(): void {
    this.#owning = false
    this.#stopped = false
    const stopBefore = transactionRequests[this.#random.below(transactionRequests.length)]
    const { command: program, env: own = {}, imports = [] } = this.#start
    const env = { ...process.env, ...own, STOP_BEFORE: String(stopBefore) }
    const command = [...[...imports, stopper].flatMap((module) => ['--import', module]), ...program]
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], env })
    const log = createWriteStream(this.#logFile, { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line))
    this.#child = child
    child.once('close', (code, signal) => {
      log.end()
      if (this.#child !== child) return
      this.#child = undefined
      this.#frozen = false
      if (this.#busy) return
      // As a supervisor does: one that finds no broker ends, and is started again.
      this.#seen.exits.push(`${this.name} ended with ${signal ?? code}`)
      setTimeout(() => this.#busy || this.start(), 500)
    })
  }

  async kill(restartMs: number): Promise<void> {
    await this.#end('SIGKILL', restartMs)
  }

  async drain(restartMs: number): Promise<void> {
    await this.#end('SIGTERM', restartMs)
  }

  /** In the midst of a transaction, for so long, and until others have opened partitions meanwhile and gone on from there. */
  async freeze(forMs: number): Promise<void> {
    this.#frozen = true
    const child = this.#child
    // One that owns nothing yet may not even know the signal.
    if (this.#owning) child?.kill('SIGUSR2')
    const patientUntil = Date.now() + (this.#owning ? intoTransactionMs : 0)
    while (!this.#stopped && Date.now() < patientUntil) await sleep(10)
    if (!this.#stopped) child?.kill('SIGSTOP')
    else this.#seen.inTransaction++
    const { opened } = this.#seen
    await sleep(forMs)
    const latestMs = Date.now() + takeOverMs
    while (this.#seen.opened < opened + takenOver && Date.now() < latestMs) await sleep(50)
    await sleep(goneOnMs)
    // What it had is others' by now.
    this.#owning = false
    this.#stopped = false
    child?.kill('SIGCONT')
    this.#frozen = false
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#busy = true
    if (this.#child !== undefined) await this.#close(this.#child, 'SIGTERM')
  }

  async #end(signal: NodeJS.Signals, restartMs: number): Promise<void> {
    this.#busy = true
    await this.#close(this.#child!, signal)
    await sleep(restartMs)
    this.start()
    this.#busy = false
  }

  async #close(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    const closed = once(child, 'close')
    child.kill(signal)
    const stuck = setTimeout(() => {
      this.#seen.stuck.push(`${this.name} did not end within ${endMs / 1000} s of ${signal}`)
      child.kill('SIGKILL')
    }, endMs)
    await closed
    clearTimeout(stuck)
  }

  /** Until it says that it goes on: it says that it will stop before it does, and a signal in between would be lost. */
  #thaw(): void {
    const child = this.#child
    clearInterval(this.#thawing)
    this.#thawing = setInterval(() => child?.kill('SIGCONT'), 50)
    child?.once('close', () => clearInterval(this.#thawing))
  }

  #read(text: string): void {
    if (!text.startsWith('{')) return
    const line = JSON.parse(text) as Line
    if (line.event === 'frozen') {
      this.#stopped = true
      // It came into a transaction only after its freeze was over.
      if (!this.#frozen) this.#thaw()
    }
    if (line.event === 'thawed') clearInterval(this.#thawing)
    if (line.event === 'slice.retry' && line.code === 'fenced') this.#seen.fenced++
    if (line.event === 'task.open') {
      this.#owning = true
      this.#seen.opened++
      this.#seen.replayed += line.count ?? 0
    }
    if (line.event === 'task.failed') {
      const { partition = -1, reason = '' } = line
      this.#seen.failures.push({ worker: this.name, partition, reason, atMs: Date.now(), text })
    }
  }
}
