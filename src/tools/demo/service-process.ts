import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isRunning, launchDetached } from '../stack/process.ts'
import { DemoError } from './demo-error.ts'
import type { DemoFolder } from './folder.ts'
import type { RunningService } from './run.ts'

const startBoundMs = 60_000

/**
 * Starts `beckon run` as a user would, and resolves when it is ready. It has a session of its own, so that the terminal's
 * Ctrl-C reaches it by way of the demo only.
 */
export async function startServiceProcess(
  folder: DemoFolder,
  opsPort: number,
  signal: AbortSignal,
): Promise<RunningService> {
  const program = fileURLToPath(new URL('../../../../bin/beckon.js', import.meta.url))
  const args = [program, 'run', '--config', folder.config]
  const record = await launchDetached(folder.service, opsPort, { command: process.execPath, args, env: {} })
  const check = () => {
    if (!isRunning(record)) throw new DemoError('the service ended by itself')
  }
  const deadlineMs = performance.now() + startBoundMs
  while (!(await isReady(opsPort))) {
    check()
    signal.throwIfAborted()
    if (performance.now() > deadlineMs) throw new DemoError('the service does not become ready')
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
