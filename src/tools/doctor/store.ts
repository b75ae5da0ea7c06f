/** Checks of ClickHouse. */

import { type Checkpoint, decodeCheckpoint } from '../../journal/checkpoint.ts'
import { MigrationError } from '../../store/clickhouse/migrate.ts'
import { StateError } from '../../store/state-error.ts'
import { StoreError } from '../../store/store-error.ts'
import { fail, ok, type Verdict, warn } from './check.ts'
import type { Disk } from './clickhouse/probe.ts'
import type { World } from './world.ts'

/** The oldest long-term release on which our SQL is known to run. */
const oldestVersion = 25

export async function checkClickHouse(world: World): Promise<Verdict> {
  const version = await world.store().version()
  if (Number.parseInt(version, 10) >= oldestVersion) return ok(`ClickHouse ${version}`)
  return warn(`ClickHouse ${version}`, `upgrade it: beckon is tested with 26.7, and needs ${oldestVersion} or later`)
}

const tables = ['events', 'profiles', 'decisions', 'actions', 'consent', 'cases', 'policies', 'settings']
const views = ['customers', 'customer_features', 'consent_now']

export async function checkTables(world: World): Promise<Verdict> {
  const { database } = world.config.clickhouse
  const found = new Set(await world.store().tables())
  if (found.size === 0) return fail(`the database ${database} has no tables`, 'beckon migrate creates them')
  try {
    const pending = await world.store().pendingMigrations()
    if (pending.length > 0)
      return fail(`migrations to be applied: ${pending.join(', ')}`, 'beckon migrate applies them')
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    const newer = error.code === 'missing'
    return fail(error.message, newer ? 'run the newer beckon' : 'restore the file as it was released')
  }
  const missing = [...tables, ...views].filter((name) => !found.has(name))
  if (missing.length === 0) return ok(`${database} is up to date`)
  const mend = `empty the table migrations of ${database} and run beckon migrate: each statement is harmless when repeated`
  return fail(`dropped by hand: ${missing.join(', ')}`, mend)
}

export async function checkStoreRights(world: World): Promise<Verdict> {
  const { database } = world.config.clickhouse
  const user = await world.store().user()
  const answers = await Promise.all(tables.map((table) => world.store().mayWrite(table)))
  const denied = tables.filter((_, i) => answers[i] === false)
  if (denied.length > 0) {
    return fail(
      `${user} lacks INSERT or SELECT on ${denied.join(', ')}`,
      `GRANT INSERT, SELECT ON ${database}.* TO ${user}`,
    )
  }
  if (!(await world.store().mayReadInput())) {
    return fail(`${user} may not insert through input()`, `GRANT CREATE TEMPORARY TABLE ON *.* TO ${user}`)
  }
  if (answers.includes(undefined)) return warn('this ClickHouse can not tell', `SHOW GRANTS FOR ${user} tells`)
  return ok(`${user} has INSERT and SELECT`)
}

/** Clocks that differ by more make latencies and event times hard to read; far more, and good events count as future ones. */
const skewWarnMs = 2_000

export async function checkClock(world: World): Promise<Verdict> {
  const beforeMs = Date.now()
  const storeMs = await world.store().nowMs()
  const afterMs = Date.now()
  return judgeSkew(storeMs, beforeMs, afterMs, world.config.limits.future)
}

/** We can't know when between question and answer the server read its clock, so any time in between counts as no skew. */
export function judgeSkew(storeMs: number, beforeMs: number, afterMs: number, futureMs: number): Verdict {
  const skewMs = storeMs > afterMs ? storeMs - afterMs : Math.min(0, storeMs - beforeMs)
  if (Math.abs(skewMs) <= skewWarnMs) return ok("this machine's and ClickHouse's clocks agree within 2 s")
  const detail = `ClickHouse's clock is ${Math.abs(skewMs) / 1000} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`
  const mend = 'synchronize both by NTP'
  return Math.abs(skewMs) > futureMs ? fail(detail, mend) : warn(detail, mend)
}

/** The free share of a disk. Below `fullShare`, inserts and merges are about to be refused. */
const lowShare = 0.1
const fullShare = 0.01

export async function checkDisks(world: World): Promise<Verdict> {
  try {
    return judgeDisks(await world.store().disks())
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'refused') throw error
    return warn('this user may not see the disks', `GRANT SELECT ON system.disks TO ${await world.store().user()}`)
  }
}

/** @param disks with total and free bytes */
export function judgeDisks(disks: readonly Disk[]): Verdict {
  const shares = disks.map(({ name, freeBytes, totalBytes }) => ({ name, share: freeBytes / totalBytes }))
  const told = shares.map(({ name, share }) => `${name} ${Math.floor(share * 100)}% free`).join(', ')
  const least = Math.min(1, ...shares.map(({ share }) => share))
  const mend = "free space on ClickHouse's disk or enlarge it; a TTL on events keeps it so (docs/operating.md)"
  if (least < fullShare) return fail(`a disk of ClickHouse is full: ${told}`, mend)
  return least < lowShare ? warn(`a disk of ClickHouse is nearly full: ${told}`, mend) : ok(told)
}

/** Whether every partition can be opened: first offset kept <= checkpoint <= committed offset. */
export async function checkRecovery(world: World): Promise<Verdict> {
  const probe = await world.kafka()
  const faults: string[] = []
  let reasons = ''
  const checkpoints = new Map<number, Checkpoint | undefined>()
  for (const { name: topic } of world.config.topics) {
    const committed = await probe.committed(world.config.kafka.group, topic)
    const bounds = await probe.offsets(topic)
    for (const { partition, low } of bounds) {
      if (!checkpoints.has(partition)) {
        const stored = await world.store().checkpoint(partition)
        checkpoints.set(partition, undefined)
        try {
          if (stored !== undefined) checkpoints.set(partition, decodeCheckpoint(stored.state))
        } catch (error) {
          if (!(error instanceof StateError)) throw error
          reasons ||= 'state'
          faults.push(`partition ${partition}: ${error.message}`)
        }
      }
      const saved = checkpoints.get(partition)
      if (saved !== undefined && saved.partitions !== bounds.length) {
        reasons ||= 'partitions'
        faults.push(`partition ${partition} was saved among ${saved.partitions}, and ${topic} has ${bounds.length}`)
        continue
      }
      const checkpoint = saved?.offsets[topic]
      if (checkpoint === undefined) continue
      const offset = committed.get(partition)
      if (offset === undefined || checkpoint > offset) {
        reasons ||= 'ahead'
        faults.push(
          `the checkpoint of ${topic}-${partition} is at ${checkpoint}, its group at ${offset ?? 'no offset'}`,
        )
      } else if (low > checkpoint && checkpoint < offset) {
        reasons ||= 'gap'
        faults.push(`the checkpoint of ${topic}-${partition} is at ${checkpoint}, the topic begins at ${low}`)
      }
    }
  }
  if (faults.length > 0) return fail(faults.join('; '), `docs/runbook.md, Partition failed: ${reasons}`)
  const count = [...checkpoints.values()].filter((one) => one !== undefined).length
  return ok(`${count} checkpoints, all between the first offset kept and the committed one`)
}
