import type { StatedConsent } from '../slice-output.ts'
import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writeConsentRow` writes them. */
export const consentTable: Table = {
  name: 'consent',
  columns: {
    customer: 'String',
    purpose: 'String',
    channel: 'String',
    time: 'DateTime64(3)',
    given: 'Bool',
    topic: 'String',
    partition: 'UInt16',
    offset: 'UInt64',
    position: 'UInt64',
  },
}

/** Writes one row of `consent`: a statement, also one that a later statement supersedes. */
export function writeConsentRow(row: RowBuffer, { statement, at }: StatedConsent): void {
  const { customer, purpose, channel, timeMs, given } = statement
  row.string(customer)
  row.string(purpose)
  row.string(channel)
  row.dateTime64(timeMs)
  row.bool(given)
  row.string(at.topic)
  row.u16(at.partition)
  row.u64(at.offset)
  row.u64(at.position)
  row.endRow()
}
