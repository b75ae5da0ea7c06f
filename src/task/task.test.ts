import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../config/load.ts'
import { compileEngine, schemaFile } from '../engine.ts'
import type { RecordBatch } from '../events/log.ts'
import { encodeCheckpoint } from '../journal/checkpoint.ts'
import { journalCodec } from '../journal/journal.ts'
import { LogError, type SliceWriter, type Turn } from '../log/log.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { createLogger } from '../ops/logger.ts'
import { createMetrics } from '../ops/metrics.ts'
import { Pipeline } from '../pipeline.ts'
import { compileStages } from '../stages.ts'
import type { StoredProfile } from '../store/profile-store.ts'
import { profileVersion } from '../store/profile-version.ts'
import type { TaskDeps } from './deps.ts'
import { FoldQueue } from './fold-queue.ts'
import { Task } from './task.ts'

const at = { topic: 'events', partition: 0 }
const groupId = 'group'
const minimal = fileURLToPath(new URL('../../../examples/minimal/beckon.yaml', import.meta.url))
/** The partition is the member's as far as it knows. */
const turn: Turn = { heartbeat: async () => undefined, isCurrent: () => true }

/** What two workers share: the log, and a store that has stored nothing yet. */
class World {
  readonly log = new MemoryLog()
  /** What happens while the next opening of any task reads its checkpoint, and the checkpoint that it then finds. */
  meanwhile: (() => Promise<StoredProfile>) | undefined
  /** Takes the place of the next commit of any task. */
  disturb: ((writer: SliceWriter, commit: () => Promise<unknown>) => Promise<never>) | undefined

  async open(): Promise<void> {
    const names = [at.topic, 'beckon.actions', 'beckon.dead_letters', 'beckon.journal']
    await this.log.createTopics(names.map((topic) => ({ topic, partitions: 1 })))
  }

  async append(...ids: string[]): Promise<void> {
    const value = (id: string) =>
      Buffer.from(JSON.stringify({ messageId: id, userId: 'u1', type: 'track', event: 'view', timestamp: new Date() }))
    await this.log.append(ids.map((id) => ({ ...at, key: 'u1', value: value(id), headers: {} })))
  }

  async batch(from: number, until: number): Promise<RecordBatch> {
    for await (const batch of this.log.read(at.topic, at.partition, from, until)) return batch
    throw new Error('there are no such records')
  }

  async committed(): Promise<number | null> {
    return (await this.log.committedOffset(groupId, at.topic, at.partition)).offset
  }

  async openWriter(id: string): Promise<SliceWriter> {
    const writer = await this.log.openWriter(id)
    return {
      commit: async (slice) => {
        const { disturb } = this
        this.disturb = undefined
        if (disturb) return disturb(writer, () => writer.commit(slice))
        return writer.commit(slice)
      },
      close: () => writer.close(),
    }
  }

  /** The task of a worker of its own. */
  task(): Task {
    const engine = compileEngine(loadConfig(minimal, {}))
    const deps: TaskDeps = {
      log: new Proxy(this.log, {
        get: (log, name: keyof MemoryLog) =>
          name === 'openWriter' ? (id: string) => this.openWriter(id) : (log[name] as () => unknown).bind(log),
      }),
      groupId,
      pipeline: new Pipeline(compileStages(engine, 'json')),
      features: engine.features,
      timers: engine.policy.timers,
      policy: engine.policy.version,
      earlier: async () => undefined,
      policyStored: Promise.resolve(),
      journal: journalCodec('beckon.journal', readFileSync(schemaFile('journal'), 'utf8')),
      journalTopic: 'beckon.journal',
      partitions: 1,
      store: {
        insert: async () => undefined,
        read: async () => [],
        readCheckpoint: async () => {
          const { meanwhile } = this
          this.meanwhile = undefined
          return meanwhile?.()
        },
        readDue: async () => [],
        readCustomer: async () => [],
      },
      rows: {
        write: () => undefined,
        pendingBytes: 0,
        full: false,
        whenDrained: async () => undefined,
        whenStored: () => new Promise(() => undefined),
        flush: async () => false,
        stop: async () => undefined,
      },
      metrics: createMetrics([], [at.topic], []),
      logger: createLogger('fatal'),
      folding: new FoldQueue(),
      maxSliceEvents: 10,
      checkpointMs: 1_000,
      profileBytes: () => 1_000_000,
      fetchSchema: async () => undefined,
      pause: () => undefined,
    }
    return new Task(at, deps)
  }
}

describe('a task whose partition another worker had meanwhile', () => {
  let world: World
  let stale: Task
  let rival: Task

  beforeEach(async () => {
    world = new World()
    await world.open()
    stale = world.task()
    rival = world.task()
    await world.append('a', 'b')
    await stale.onBatch(await world.batch(0, 2), turn)
    assert.equal(await world.committed(), 2)
    await world.append('c', 'd')
  })

  it('opens again where the other went on, when the partition comes back to it unasked', async () => {
    await rival.onBatch(await world.batch(2, 4), turn)
    await world.append('e')
    const next = await world.batch(4, 5)
    await assert.rejects(stale.onBatch(next, turn), /another owner went on/)
    assert.equal(stale.state, 'closed')
    await stale.onBatch(next, turn)
    assert.equal(stale.state, 'running')
    assert.equal(await world.committed(), 5)
  })

  it('does not take the slice of another for its own', async () => {
    const batch = await world.batch(2, 4)
    world.disturb = async () => {
      // So that the clocks of the two differ.
      await new Promise((resolve) => setTimeout(resolve, 5))
      await rival.onBatch(batch, turn)
      throw new LogError('fenced', 'another owner opened the id')
    }
    await assert.rejects(stale.onBatch(batch, turn), /another owner went on/)
    assert.equal(await world.committed(), 4)
  })

  it('does not mistake a checkpoint of another for one ahead of the group, when it was frozen while it opened', async () => {
    const late = world.task()
    world.meanwhile = async () => {
      await rival.onBatch(await world.batch(2, 4), turn)
      const state = encodeCheckpoint({ offset: 4, firings: 0, clockMs: 0, digest: '', journalOffset: 4, partitions: 1 })
      return { customer: '', version: profileVersion(0, 4), streamTimeMs: 0, state, deleted: false }
    }
    await late.onBatch(await world.batch(2, 4), turn)
    assert.equal(late.failure, undefined)
    assert.equal(late.state, 'running')
  })

  it('takes a slice for done whose commit was not answered', async () => {
    world.disturb = async (_, commit) => {
      await commit()
      throw new LogError('unknown_outcome', 'no answer')
    }
    await stale.onBatch(await world.batch(2, 4), turn)
    assert.equal(stale.state, 'running')
    assert.equal(await world.committed(), 4)
  })
})
