import type { Decided } from '../slice-output.ts'
import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writeDecisionRow` writes them. */
export const decisionsTable: Table = {
  name: 'decisions',
  columns: {
    topic: 'String',
    partition: 'UInt16',
    offset: 'UInt64',
    position: 'UInt64',
    customer: 'String',
    trigger: 'String',
    time: 'DateTime64(3)',
    now: 'DateTime64(3)',
    policy: 'String',
    candidates: 'Array(String)',
    treatments: 'Array(String)',
    reasons: 'Array(String)',
    gates: 'Array(String)',
    scores: 'Array(Float64)',
    probabilities: 'Array(Float64)',
    slots: 'Array(String)',
    chosen: 'Array(String)',
    id: 'String',
    arm: 'String',
    nothing: 'Float64',
    nothing_score: 'Nullable(Float64)',
    one_in: 'UInt32',
  },
}

/**
 * Writes one row of `decisions`. `trigger` is empty for an event's decision, else the names of the timers that fired.
 * (customer, time, topic, partition, offset, trigger) must identify a decision.
 */
export function writeDecisionRow(row: RowBuffer, decided: Decided): void {
  const { cause, customer, asOfMs, nowMs, policy, decision } = decided
  const { topic, partition, offset, position, timer } = cause
  const { candidates, chosen } = decision
  row.string(topic)
  row.u16(partition)
  row.u64(offset)
  row.u64(position)
  row.string(customer)
  row.string(timer)
  row.dateTime64(asOfMs)
  row.dateTime64(nowMs)
  row.string(policy)
  const count = candidates.length
  row.varint(count)
  for (let i = 0; i < count; i++) row.string(candidates[i]!.action.name)
  row.varint(count)
  for (let i = 0; i < count; i++) row.string(candidates[i]!.treatment?.name ?? '')
  row.varint(count)
  for (let i = 0; i < count; i++) row.string(candidates[i]!.reason)
  row.varint(count)
  for (let i = 0; i < count; i++) row.string(candidates[i]!.gate)
  row.varint(count)
  for (let i = 0; i < count; i++) row.f64(candidates[i]!.score)
  row.varint(count)
  for (let i = 0; i < count; i++) row.f64(candidates[i]!.probability)
  row.varint(count)
  for (let i = 0; i < count; i++) row.string(candidates[i]!.slot)
  row.varint(chosen.length)
  for (let i = 0; i < chosen.length; i++) row.string(chosen[i]!.action.name)
  row.string(decided.id)
  row.string(decided.arm)
  row.f64(decision.nothing)
  row.nullableF64(decision.nothingScore)
  row.u32(decided.oneIn)
  row.endRow()
}
