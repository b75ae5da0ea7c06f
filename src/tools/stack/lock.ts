/** One command at a time works on a stack's folder. */
import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OnStep } from './part.ts'
import { isRunning, ownIdentity, readIdentity } from './process.ts'
import { StackError } from './stack-error.ts'

/** A first start may download 200 MB over a slow line while a second command waits for it. */
const waitMs = 300_000

/** Runs `work` while this process holds the folder; waits for another holder, and takes over from a dead one. */
export async function withLock<T>(folder: string, onStep: OnStep, work: () => Promise<T>): Promise<T> {
  const path = join(folder, 'lock')
  const deadlineMs = performance.now() + waitMs
  let said = false
  while (!tryCreate(path)) {
    const holder = readIdentity(path)
    if (holder === undefined || !isRunning(holder)) {
      unlinkIfThere(path)
      continue
    }
    if (performance.now() > deadlineMs) {
      throw new StackError('failed', `process ${holder.pid} still works on ${folder}; end it, or take another --dir`)
    }
    if (!said) onStep(`waiting for process ${holder.pid}, which works on ${folder}`)
    said = true
    await sleep(100)
  }
  try {
    return await work()
  } finally {
    unlinkIfThere(path)
  }
}

function tryCreate(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify(ownIdentity()), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
