import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '../ops/logger.ts'
import { createMetrics } from '../ops/metrics.ts'
import { Outages } from '../ops/outages.ts'
import type { TaskDeps } from './deps.ts'
import { TaskFailure } from './failure.ts'
import { Tasks } from './tasks.ts'
import { World } from './test-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-tasks-'))
after(() => rmSync(folder, { recursive: true }))

/** Each event publishes an action of that name, which says how many events there were. */
function configOf(name: string): string {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(
    file,
    `kafka: { brokers: [localhost:9092], group: group }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: events, format: json }]
features: [{ name: n, count: {}, window: lifetime }]
actions: [{ name: ${name}, when: 'true', payload: { n: { cel: n } } }]
`,
  )
  return file
}

const first = configOf('first')

describe('tasks that go over to other rules', () => {
  let world: World
  let tasks: Tasks
  let deps: TaskDeps
  let fed = 0

  beforeEach(async () => {
    fed = 0
    world = new World(first)
    await world.open()
    const outages = new Outages(createLogger('silent'), { clickhouse: '', kafka: '', registry: '' }, () => undefined)
    tasks = new Tasks(['events'], createMetrics([], ['events'], []), outages)
    world.hasEvents = true
    deps = world.deps(first)
    await tasks.join({ deps, look: async () => undefined, onCrash: (error) => assert.fail(String(error)) })
  })

  async function feed(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await world.append(`m${fed++}`)
  }
  async function taken(): Promise<void> {
    while ((await world.committed()) !== fed) await sleep(5)
  }
  const told = async () =>
    (await world.actions()).map(({ action, payload }) => `${action} ${(payload as { n: number }).n}`)
  const policies = async () => {
    const found: string[] = []
    for await (const batch of world.log.read('beckon.journal', 0, 0, Number.MAX_SAFE_INTEGER)) {
      found.push(...deps.journal.decode(batch).map(({ policy }) => policy))
    }
    return found
  }

  it('decide each event once, in order, and the journal says by which', async () => {
    await feed(3)
    await taken()
    const second = world.deps(configOf('second'))
    await tasks.useDeps(second)
    await feed(2)
    await taken()
    assert.deepEqual(await told(), ['first 1', 'first 2', 'first 3', 'second 4', 'second 5'])
    assert.deepEqual(new Set(await policies()), new Set([deps.policy, second.policy]))
    await tasks.close()
  })

  it('do so under traffic, twice in a row and back', async () => {
    const all = Array.from({ length: 120 }, (_, i) => i + 1)
    const feeding = feed(all.length)
    await tasks.useDeps(world.deps(configOf('second')))
    await Promise.all([tasks.useDeps(world.deps(configOf('third'))), sleep(20)])
    await tasks.useDeps(world.deps(first))
    await feeding
    await taken()
    const counts = (await told()).map((one) => Number(one.split(' ')[1]))
    assert.deepEqual(counts, all)
    assert.equal(tasks.owned[0]?.failure, undefined)
    await tasks.close()
  })

  it('take them when they open, where the partition comes later', async () => {
    const second = world.deps(configOf('second'))
    const alone = new Tasks(
      ['events'],
      createMetrics([], ['events'], []),
      new Outages(createLogger('silent'), { clickhouse: '', kafka: '', registry: '' }, () => undefined),
    )
    await tasks.close()
    await alone.join({
      deps: world.deps(first),
      look: async () => undefined,
      onCrash: (error) => assert.fail(String(error)),
    })
    await alone.useDeps(second)
    await feed(1)
    await taken()
    assert.deepEqual(await told(), ['second 1'])
    await alone.close()
  })

  it('that failed stay so', async () => {
    const [task] = tasks.owned
    await task!.giveUp(new TaskFailure('gap', 'a test'))
    await tasks.useDeps(world.deps(configOf('second')))
    assert.equal(tasks.owned[0], task)
    await tasks.close()
  })

  it('begin nothing anew once they are closed', async () => {
    const going = tasks.useDeps(world.deps(configOf('second')))
    await tasks.close()
    await going
    assert.ok(tasks.owned.every(({ state }) => state === 'closed'))
  })
})
