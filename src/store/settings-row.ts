import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writeSettingsRow` writes them. */
export const settingsTable: Table = {
  name: 'settings',
  columns: { hash: 'String', text: 'String', first_seen: 'DateTime64(3)', last_seen: 'DateTime64(3)' },
}

/** Writes one row of `settings`, at each start. If settings are written again, the first and the latest time remain. */
export function writeSettingsRow(row: RowBuffer, hash: string, text: string, seenAtMs: number): void {
  row.string(hash)
  row.string(text)
  row.dateTime64(seenAtMs)
  row.dateTime64(seenAtMs)
  row.endRow()
}
