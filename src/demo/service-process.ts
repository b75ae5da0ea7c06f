import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isRunning, launchDetached } from '../stack/process.ts'
import { StackError } from '../stack/stack-error.ts'
import type { DemoFolder } from './folder.ts'

/** The service that the demo watches: a process of its own, or the same code in this one. */
export interface RunningService {
  /** @throws StackError where it has ended */
  check(): void
  /** Drains and ends it. */
  stop(): Promise<void>
}

const startBoundMs = 60_000

/**
 * Starts `beckon run` as a user would, and resolves when it is ready. It has a session of its own, so that the terminal's
 * Ctrl-C reaches it by way of the demo only.
 */
export async function startServiceProcess(
  folder: DemoFolder,
  opsPort: number,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<RunningService> {
  const program = fileURLToPath(new URL('../../../bin/beckon.js', import.meta.url))
  const args = [program, 'run', '--config', folder.config]
  const record = await launchDetached(folder.service, opsPort, { command: process.execPath, args, env })
  const check = () => {
    if (!isRunning(record)) throw new StackError('failed', 'the service ended by itself')
  }
  const deadlineMs = performance.now() + startBoundMs
  while (!(await isReady(opsPort))) {
    check()
    signal.throwIfAborted()
    if (performance.now() > deadlineMs) throw new StackError('failed', 'the service does not become ready')
    await sleep(100)
  }
  return { check, stop: () => folder.endService() }
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    // Nothing listens there yet.
    return false
  }
}
