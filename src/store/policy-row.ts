import type { RowBuffer } from './row-binary.ts'
import type { Table } from './table.ts'

/** The columns in the order in which `writePolicyRow` writes them. */
export const policiesTable: Table = {
  name: 'policies',
  columns: {
    hash: 'String',
    text: 'String',
    first_seen: 'DateTime64(3)',
    last_seen: 'DateTime64(3)',
    settings: 'String',
  },
}

/**
 * Writes one row of `policies`, at each start and each change of the rules. If a policy is written again, the earliest `seenAtMs` remains as `first_seen`,
 * and the latest as `last_seen`, with its settings.
 * @param settings what else decides how events are folded, as JSON
 */
export function writePolicyRow(row: RowBuffer, hash: string, text: string, settings: string, seenAtMs: number): void {
  row.string(hash)
  row.string(text)
  row.dateTime64(seenAtMs)
  row.dateTime64(seenAtMs)
  row.string(settings)
  row.endRow()
}
