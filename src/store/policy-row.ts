import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writePolicyRow` writes them. */
export const policiesTable: Table = {
  name: 'policies',
  columns: { hash: 'String', text: 'String', first_seen: 'DateTime64(3)' },
}

/** Writes one row of `policies`; of a policy written again the earliest `seenAtMs` is kept. */
export function writePolicyRow(row: RowBuffer, hash: string, text: string, seenAtMs: number): void {
  row.string(hash)
  row.string(text)
  row.dateTime64(seenAtMs)
  row.endRow()
}
