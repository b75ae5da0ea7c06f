import type { ClickHouseClient } from '@clickhouse/client'
import { select } from './select.ts'

/** The text of any policy that ever decided; undefined where its hash is not known. @throws StoreError */
export async function readPolicy(client: ClickHouseClient, hash: string): Promise<string | undefined> {
  const query = 'SELECT text FROM policies WHERE hash = {hash:String} LIMIT 1'
  return (await select<{ text: string }>(client, { query, params: { hash }, format: 'JSONEachRow' }))[0]?.text
}

/** The text of any settings that events were ever folded under; undefined where the hash is not known. @throws StoreError */
export async function readSettings(client: ClickHouseClient, hash: string): Promise<string | undefined> {
  const query = 'SELECT text FROM settings WHERE hash = {hash:String} LIMIT 1'
  return (await select<{ text: string }>(client, { query, params: { hash }, format: 'JSONEachRow' }))[0]?.text
}

/** The rules of the process that started, or took deployed rules, last; and its settings. */
export interface RunningPolicy {
  readonly hash: string
  readonly text: string
  /** JSON; empty where the process had a version that did not store it. */
  readonly settings: string
  /** UTC, as `2026-11-22 10:00:00.000`. */
  readonly started: string
}

/** It needs no `FINAL`: of a policy's rows that are not merged yet, the newest has the settings of its start. */
const selectRunning = `
SELECT hash, text, settings, toString(last_seen) AS started
FROM policies
ORDER BY last_seen DESC
LIMIT 1`

/** @returns undefined where no process ever ran @throws StoreError */
export async function readRunningPolicy(client: ClickHouseClient): Promise<RunningPolicy | undefined> {
  return (await select<RunningPolicy>(client, { query: selectRunning, format: 'JSONEachRow' }))[0]
}
