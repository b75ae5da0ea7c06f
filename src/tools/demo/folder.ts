import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { endProcess, isRunning, ownIdentity, readIdentity, readRecord } from '../stack/process.ts'
import { stopStack } from '../stack/stack.ts'
import { DemoError } from './demo-error.ts'

/** SIGTERM to SIGKILL; the service needs a second or so to write what it holds. */
const graceMs = 20_000

/** The demo's folder: one run at a time owns it. */
export class DemoFolder {
  readonly path = resolve('.beckon', 'demo')
  /** The local stack. */
  readonly stack = join(this.path, 'stack')
  /** The service's process and log. */
  readonly service = join(this.path, 'service')
  /** The shop's configuration with the addresses of this run. */
  readonly config = join(this.path, 'beckon.yaml')
  readonly #lock = join(this.path, 'lock')

  /** Takes the folder, and ends and removes what an earlier run left in it. @throws DemoError if another run has it */
  async claim(say: (line: string) => void): Promise<void> {
    mkdirSync(this.path, { recursive: true })
    this.#takeLock()
    if (!existsSync(this.stack) && !existsSync(this.service)) return
    say('removing what an earlier demo left')
    await this.endService()
    await this.clear()
  }

  async endService(): Promise<void> {
    const record = readRecord(this.service)
    if (record !== undefined) await endProcess(record, graceMs)
  }

  /** Stops the stack and removes all data. */
  async clear(): Promise<void> {
    await stopStack({ dir: this.stack, wipe: true })
    for (const path of [this.service, this.config]) rmSync(path, { recursive: true, force: true })
  }

  /** Stops the stack and removes its data; the logs stay for whoever looks for the fault. */
  async clearData(): Promise<void> {
    await stopStack({ dir: this.stack })
    for (const part of ['kafka', 'clickhouse']) rmSync(join(this.stack, part, 'data'), { recursive: true, force: true })
  }

  /** Gives the folder back, and removes it if nothing is left in it. */
  release(): void {
    rmSync(this.#lock, { force: true })
    if (readdirSync(this.path).length === 0) rmdirSync(this.path)
  }

  #takeLock(): void {
    const holder = readIdentity(this.#lock)
    if (holder === undefined || !isRunning(holder)) rmSync(this.#lock, { force: true })
    try {
      writeFileSync(this.#lock, JSON.stringify(ownIdentity()), { flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const who = holder === undefined ? 'another demo' : `the demo of process ${holder.pid}`
      throw new DemoError(`${this.path} is in use by ${who}; end it, or start this one in another folder`)
    }
  }
}
