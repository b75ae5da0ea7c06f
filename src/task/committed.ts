import { committedPosition } from '../journal/commit-metadata.ts'
import type { CommittedOffset } from '../log/log.ts'
import type { TaskDeps } from './deps.ts'

/** The newest holder of this id owns the partition. It names no host, so that a restarted process fences its predecessor. */
export const transactionalId = (groupId: string, partition: number) => `${groupId}.${partition}`

/** What the group has committed for a partition, all read at one moment. */
export interface Committed {
  readonly byTopic: ReadonlyMap<string, CommittedOffset>
  /** 0 where no commit was beckon's. */
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
