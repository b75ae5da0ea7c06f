import { ConfigError } from '../../config/fault.ts'
import { RegistryError } from '../../ingest/registry/registry.ts'
import { LogError } from '../../log/log.ts'
import { StoreError } from '../../store/store-error.ts'
import { type Check, type Finding, fail, skip, type Verdict } from './check.ts'
import type { World } from './world.ts'

/** Longer than any healthy answer takes. Checks that do not need each other take no longer than this together. */
const checkMs = 10_000

/** Runs all checks, at the same time if they don't need each other. Never rejects: what a check throws becomes its verdict. */
export function examine(checks: readonly Check[], world: World, timeoutMs = checkMs): Promise<Finding[]> {
  const findings = new Map<string, Promise<Finding>>()
  for (const check of checks) {
    const needs = (check.needs ?? []).map((name) => findings.get(name)!)
    findings.set(check.name, settle(check, needs, world, timeoutMs))
  }
  return Promise.all(findings.values())
}

async function settle(
  check: Check,
  needs: readonly Promise<Finding>[],
  world: World,
  timeoutMs: number,
): Promise<Finding> {
  for (const needed of await Promise.all(needs)) {
    if (needed.status === 'fail' || needed.status === 'skip') {
      return { check: check.name, ...skip(`needs ${needed.check}`) }
    }
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, fail(`no answer within ${timeoutMs / 1000} s`, mends.unavailable))
  })
  try {
    return { check: check.name, ...(await Promise.race([late, run(check, world)])) }
  } catch (error) {
    return { check: check.name, ...failed(error) }
  } finally {
    clearTimeout(timer)
  }
}

async function run(check: Check, world: World): Promise<Verdict> {
  return check.run(world)
}

const mends = {
  unavailable: 'is it up, is its address right, and does a firewall let this machine through?',
  badLogin: 'correct clickhouse.username and clickhouse.password (or password_file)',
  refused: 'check the user, its password and its rights (docs/runbook.md, Rights)',
}

function failed(error: unknown): Verdict {
  if (error instanceof ConfigError)
    return fail(error.message, 'correct the configuration; beckon check lists its faults')
  if (error instanceof LogError) {
    return fail(error.message, error.code === 'refused' ? mends.refused : mends.unavailable)
  }
  if (error instanceof StoreError) {
    if (error.badLogin) return fail(error.message, mends.badLogin)
    return fail(error.message, error.code === 'unavailable' ? mends.unavailable : mends.refused)
  }
  if (error instanceof RegistryError) {
    return fail(error.message, error.code === 'unavailable' ? mends.unavailable : mends.refused)
  }
  return fail(`the check itself broke: ${String(error)}`, 'a bug in beckon, please report it')
}
