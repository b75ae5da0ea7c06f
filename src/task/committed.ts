import { committedPosition } from '../journal/commit-metadata.ts'
import type { CommittedOffset } from '../log/log.ts'
import type { TaskDeps } from './deps.ts'

/** The owner of a partition is the newest holder of this id; it names no host, so that a restart fences what was before. */
export const transactionalId = (groupId: string, partition: number) => `${groupId}.${partition}`

/** What the group has committed of a partition, of one moment. */
export interface Committed {
  readonly byTopic: ReadonlyMap<string, CommittedOffset>
  /** 0 where none of it was ours. */
  readonly position: number
}

export async function readCommitted(
  { log, groupId, topics }: Pick<TaskDeps, 'log' | 'groupId' | 'topics'>,
  partition: number,
): Promise<Committed> {
  const found = await log.committedOffsets(groupId, topics, partition)
  return {
    byTopic: new Map(found.map((committed, i) => [topics[i]!, committed])),
    position: Math.max(...found.map(({ metadata }) => committedPosition(metadata))),
  }
}
