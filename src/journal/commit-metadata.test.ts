import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitMetadata, committedEpoch, committedPosition } from './commit-metadata.ts'

test('position and epoch are read as they were written; older metadata without an epoch has none', () => {
  for (const [metadata, position, epoch] of [
    [commitMetadata(1_700_000_000_000, 42, 7), 42, 7],
    [commitMetadata(1_700_000_000_000, 42, 0), 42, 0],
    [commitMetadata(1_700_000_000_000, 42, -1), 42, -1],
    ['1700000000000 42', 42, -1],
    ['', 0, -1],
    ['{"of":"somebody else"}', 0, -1],
  ] as const) {
    assert.deepEqual([committedPosition(metadata), committedEpoch(metadata)], [position, epoch], metadata)
  }
})
