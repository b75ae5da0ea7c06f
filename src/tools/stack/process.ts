/**
 * Processes that outlive the command that starts them, and the records by which a later command finds them again. A
 * process id alone is not enough: ids are recycled. So a record also holds when the process was born, and we never signal a
 * process whose birth differs.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Launch } from './part.ts'
import { StackError } from './stack-error.ts'

const identitySchema = z.object({ pid: z.int().positive(), birth: z.string() })
export type Identity = z.infer<typeof identitySchema>

const recordSchema = identitySchema.extend({ port: z.int() })
/** Kept after the process has ended: the next start takes the same port. */
export type ProcessRecord = z.infer<typeof recordSchema>

/** When the process was born, as this system tells it; undefined if there is no such process, or only a zombie. */
export function birthOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
    const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env })
    const [, state, birth] = /^(\S+)\s+(.+?)\s*$/.exec(stdout ?? '') ?? []
    return state?.startsWith('Z') ? undefined : birth
  }
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, threads, ticksAfterBoot] = [fields[0], Number(fields[17]), fields[19]]
  // A killed process is a zombie as soon as its first thread is gone; the others may hold its ports a little longer.
  if (state === 'X' || (state === 'Z' && threads <= 1)) return undefined
  return `${readText('/proc/sys/kernel/random/boot_id')?.trim()} ${ticksAfterBoot}`
}

export function ownIdentity(): Identity {
  return { pid: process.pid, birth: birthOf(process.pid) ?? '' }
}

export function isRunning(identity: Identity): boolean {
  return birthOf(identity.pid) === identity.birth
}

/** The identity in a file; undefined if there is none, or it can't be read. */
export function readIdentity(path: string): Identity | undefined {
  return identitySchema.safeParse(readJson(path)).data
}

export function readRecord(folder: string): ProcessRecord | undefined {
  return recordSchema.safeParse(readJson(join(folder, 'process.json'))).data
}

export function logPath(folder: string): string {
  return join(folder, 'log')
}

/** Starts a process of its own session, its output appended to the folder's log, and writes its record. */
export async function launchDetached(folder: string, port: number, launch: Launch): Promise<ProcessRecord> {
  mkdirSync(folder, { recursive: true })
  const log = openSync(logPath(folder), 'a')
  const child = spawn(launch.command, launch.args, {
    cwd: folder,
    detached: true,
    env: { ...process.env, ...launch.env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => reject(new StackError('failed', `can't start ${launch.command}`, { cause })))
  })
  child.unref()
  const pid = child.pid ?? 0
  const record = { pid, birth: birthOf(pid) ?? '', port }
  const path = join(folder, 'process.json')
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`)
  renameSync(`${path}.new`, path)
  return record
}

/** Asks the process to end, kills it after `graceMs`, and returns when it is gone. Does nothing if it is gone already. */
export async function endProcess(identity: Identity, graceMs: number): Promise<void> {
  if (graceMs > 0 && (await signalAndWait(identity, 'SIGTERM', graceMs))) return
  if (await signalAndWait(identity, 'SIGKILL', 10_000)) return
  throw new StackError('failed', `process ${identity.pid} does not end, even when killed`)
}

async function signalAndWait(identity: Identity, signal: NodeJS.Signals, boundMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + boundMs
  if (!isRunning(identity)) return true
  try {
    process.kill(identity.pid, signal)
  } catch (error) {
    // ESRCH: it ended between the look and the signal. Anything else, such as another user's process, is a fault.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  while (isRunning(identity)) {
    if (performance.now() > deadlineMs) return false
    await sleep(25)
  }
  return true
}

/** The last lines of a folder's log, to tell why a process ended. */
export function logTail(folder: string, lines: number): string {
  const text = readText(logPath(folder)) ?? ''
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

function readJson(path: string): unknown {
  const text = readText(path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // A torn record names no process; the caller treats it as none.
    return undefined
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // /proc gives ESRCH if the process ends while its file is read.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
