import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkNode } from './host.ts'
import { checkStoreRights, judgeDisks, judgeSkew } from './store.ts'
import { checkSettings } from './topics.ts'
import type { World } from './world.ts'

describe('verdicts', () => {
  it('on the version of Node', () => {
    const cases = [
      ['20.19.0', undefined, 'ok'],
      ['22.1.0', 'production', 'ok'],
      ['20.18.9', undefined, 'fail'],
      ['18.20.0', undefined, 'fail'],
      ['22.1.0', 'test', 'warn'],
    ] as const
    for (const [version, mode, status] of cases) assert.equal(checkNode(version, mode).status, status, version)
  })

  it('on clocks, whatever the time that the question took', () => {
    const cases = [
      // store, asked, answered
      [1_005, 1_000, 1_010, 'ok'],
      [9_000, 1_000, 8_000, 'ok'],
      [13_000, 1_000, 10_000, 'warn'],
      [0, 10_000, 10_010, 'warn'],
      [400_000, 1_000, 1_010, 'fail'],
    ] as const
    for (const [store, asked, answered, status] of cases) {
      assert.equal(judgeSkew(store, asked, answered, 300_000).status, status, String(store))
    }
    assert.match(judgeSkew(13_000, 1_000, 10_000, 300_000).detail, /3 s ahead of/)
    assert.match(judgeSkew(0, 10_000, 10_010, 300_000).detail, /10 s behind/)
  })

  it('on the disks of ClickHouse, by the fullest', () => {
    const judge = (...free: number[]) =>
      judgeDisks(free.map((freeBytes, i) => ({ name: `d${i}`, freeBytes, totalBytes: 1_000 })))
    assert.equal(judge().status, 'ok')
    assert.equal(judge(100, 1_000).status, 'ok')
    assert.equal(judge(99, 1_000).status, 'warn')
    assert.equal(judge(1_000, 9).status, 'fail')
    assert.match(judge(1_000, 0).detail, /full: d0 100% free, d1 0% free/)
    assert.match(judge(0).mend!, /free space/)
  })

  it('on topics that are compacted: only of traits, and not at once', async () => {
    const judge = async (role: string | undefined, lagMs: number) => {
      const settings = new Map([
        ['cleanup.policy', 'compact'],
        ['min.compaction.lag.ms', String(lagMs)],
        ['max.message.bytes', '1048588'],
      ])
      const output = { actions: 'a', dead_letters: 'd', journal: 'j' }
      const world = {
        config: { topics: [{ name: 't', role }], output },
        kafka: async () => ({ settings: () => settings }),
      }
      return checkSettings(world as never as World)
    }
    assert.equal((await judge('traits', 3_600_000)).status, 'ok')
    assert.match((await judge('traits', 0)).detail, /t is compacted at once/)
    assert.match((await judge('consent', 3_600_000)).detail, /drops consent/)
    assert.match((await judge(undefined, 3_600_000)).detail, /drops events/)
  })

  it('on rights in ClickHouse, with the statement that grants them', async () => {
    const judge = (answer: (table: string) => boolean | undefined, mayReadInput = true) => {
      const config = { clickhouse: { database: 'shop' } }
      return checkStoreRights({
        config,
        store: () => ({
          user: async () => 'writer',
          mayWrite: async (table: string) => answer(table),
          mayReadInput: async () => mayReadInput,
        }),
      } as never as World)
    }
    assert.equal((await judge(() => true)).status, 'ok')
    assert.equal((await judge(() => undefined)).status, 'warn')
    const denied = await judge((table) => table !== 'events')
    assert.deepEqual([denied.status, denied.detail], ['fail', 'writer lacks INSERT or SELECT on events'])
    assert.equal(denied.mend, 'GRANT INSERT, SELECT ON shop.* TO writer')
    const before265 = await judge(() => true, false)
    assert.equal(before265.mend, 'GRANT CREATE TEMPORARY TABLE ON *.* TO writer')
  })
})
