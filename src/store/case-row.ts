import { verdictOf } from '../cases/case.ts'
import type { CaseChange } from '../slice-output.ts'
import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writeCaseRow` writes them. */
export const casesTable: Table = {
  name: 'cases',
  columns: {
    action_id: 'String',
    partition: 'UInt16',
    position: 'UInt64',
    customer: 'String',
    action: 'String',
    treatment: 'String',
    channel: 'String',
    group: 'String',
    tags: 'Array(String)',
    purpose: 'String',
    arm: 'String',
    policy: 'String',
    time: 'DateTime64(3)',
    ends: 'DateTime64(3)',
    probability: 'Float64',
    score: 'Float64',
    verdict: 'String',
    delivered: 'Nullable(DateTime64(3))',
    impression: 'Nullable(DateTime64(3))',
    click: 'Nullable(DateTime64(3))',
    goal: 'Nullable(DateTime64(3))',
    conversion: 'Nullable(DateTime64(3))',
    rejection: 'Nullable(DateTime64(3))',
    failed: 'Nullable(DateTime64(3))',
    failure: 'String',
    value: 'Nullable(Float64)',
    revision: 'UInt32',
  },
}

/** Writes one row of `cases`. It depends on the case's revision alone, so a replay writes the same row again. */
export function writeCaseRow(row: RowBuffer, { partition, position, customer, now: one }: CaseChange): void {
  row.string(one.id)
  row.u16(partition)
  row.u64(position)
  row.string(customer)
  for (const text of [one.action, one.treatment, one.channel, one.group]) row.string(text)
  row.strings(one.tags)
  for (const text of [one.purpose, one.arm, one.policy]) row.string(text)
  row.dateTime64(one.timeMs)
  row.dateTime64(one.endMs)
  row.f64(one.probability)
  row.f64(one.score)
  row.string(verdictOf(one))
  for (const ms of [
    one.deliveredMs,
    one.impressionMs,
    one.clickMs,
    one.goalMs,
    one.conversionMs,
    one.rejectionMs,
    one.failureMs,
  ]) {
    row.bool(ms === 0)
    if (ms > 0) row.dateTime64(ms)
  }
  row.string(one.failure)
  row.nullableF64(one.value)
  row.u32(one.revision)
  row.endRow()
}
