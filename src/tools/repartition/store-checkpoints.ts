import { encodeCheckpoint } from '../../journal/checkpoint.ts'
import { writeCheckpointRow } from '../../store/profile-row.ts'
import type { ProfileStore } from '../../store/profile-store.ts'
import { RowBuffer } from '../../store/row-binary.ts'
import type { Saved } from './plan.ts'

/** Stores all of them in one insert: all count, or none. @throws StoreError */
export async function storeCheckpoints(store: ProfileStore, saved: readonly Saved[]): Promise<void> {
  const rows = new RowBuffer(4 * 1024)
  for (const { partition, position, checkpoint } of saved) {
    writeCheckpointRow(rows, partition, position, 0, encodeCheckpoint(checkpoint))
  }
  await store.insert(rows.take())
}
