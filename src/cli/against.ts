import { type Engine, withRules } from '../engine.ts'
import type { Settings } from '../fold-settings.ts'
import type { ClickHouseClient } from '../store/clickhouse/client.ts'
import { readRunningPolicy } from '../store/clickhouse/policies.ts'
import type { Changes } from '../tools/changes/compare.ts'
import { formatChanges } from '../tools/changes/format.ts'
import { CommandError } from './exit.ts'
import { alignColumns } from './table.ts'

/** What other rules are compared with, and what to call it. */
export interface Earlier extends Pick<Engine, 'rules' | 'features' | 'policy'> {
  readonly name: string
  readonly hash: string
  /** undefined where they are not known. */
  readonly settings: Settings | undefined
}

/**
 * The rules of the process that started last, or that were adopted last.
 * @returns undefined where nothing has run yet
 * @throws StoreError; CommandError where this version of beckon does not take those rules
 */
export async function readRunning(client: ClickHouseClient, engine: Engine): Promise<Earlier | undefined> {
  const running = await readRunningPolicy(client)
  if (running === undefined) return undefined
  const { hash, text, settings, started } = running
  const earlier = withRules(engine, text)
  if (earlier === undefined) {
    throw new CommandError(`policy ${hash}, which runs, is of a version of beckon whose rules this one does not take`)
  }
  const known = settings === '' ? undefined : (JSON.parse(settings) as Settings)
  return { ...earlier, name: `what runs since ${started} UTC`, hash, settings: known }
}

export function printChanges(title: string, changes: Changes): void {
  const { table, notes } = formatChanges(changes)
  console.log(`\n${title}`)
  printTable(table)
  for (const note of notes) console.log(note)
}

export function printTable(rows: readonly (readonly string[])[]): void {
  if (rows.length > 0) console.log(alignColumns(rows))
}
