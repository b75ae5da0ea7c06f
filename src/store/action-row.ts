import type { PublishedAction } from '../emit/action.ts'
import { toJsonText } from '../events/json-text.ts'
import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writeActionRow` writes them. */
export const actionsTable: Table = {
  name: 'actions',
  columns: {
    id: 'String',
    topic: 'String',
    partition: 'UInt16',
    offset: 'UInt64',
    position: 'UInt64',
    event_id: 'String',
    event_type: 'String',
    action: 'String',
    customer: 'String',
    time: 'DateTime64(3)',
    rank: 'UInt16',
    value: 'Nullable(Float64)',
    payload: 'Map(String, String)',
    channel: 'String',
    policy: 'String',
    trigger: 'String',
    expires_at: 'Nullable(DateTime64(3))',
    emitted_at: 'DateTime64(3)',
    kind: 'String',
    decision_id: 'String',
    treatment: 'String',
    slot: 'String',
    purpose: 'String',
    group: 'String',
    tags: 'Array(String)',
    arm: 'String',
    probability: 'Float64',
  },
}

/** Writes one row of `actions`. `emittedAtMs` is the clock of the slice that published it. */
export function writeActionRow(row: RowBuffer, action: PublishedAction, position: number, emittedAtMs: number): void {
  row.string(action.id)
  row.string(action.topic)
  row.u16(action.partition)
  row.u64(action.offset)
  row.u64(position)
  row.string(action.event_id)
  row.string(action.event_type)
  row.string(action.action)
  row.string(action.customer)
  row.dateTime64(action.time)
  row.u16(action.rank)
  row.nullableF64(action.value)
  const payload = Object.entries(action.payload).filter(([, value]) => value !== null)
  row.varint(payload.length)
  for (const [name, value] of payload) {
    row.string(name)
    row.string(typeof value === 'object' ? toJsonText(value) : String(value))
  }
  row.string(action.channel)
  row.string(action.policy)
  row.string(action.trigger)
  row.bool(action.expires_at === null)
  if (action.expires_at !== null) row.dateTime64(action.expires_at)
  row.dateTime64(emittedAtMs)
  row.string(action.kind)
  row.string(action.decision_id)
  row.string(action.treatment)
  row.string(action.slot)
  row.string(action.purpose)
  row.string(action.group)
  row.varint(action.tags.length)
  for (const tag of action.tags) row.string(tag)
  row.string(action.arm)
  row.f64(action.probability)
  row.endRow()
}
