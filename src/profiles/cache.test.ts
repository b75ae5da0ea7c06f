import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFeatures } from '../features/features.ts'
import { compile, fold } from '../features/test-fold.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import { ProfileCache } from './cache.ts'

const checkpoint = Buffer.from('{}')
const unused = () => assert.fail('the store is not asked')
const store: ProfileStore = {
  insert: unused,
  read: unused,
  readCheckpoint: unused,
  readPartitionCounts: unused,
  readDue: unused,
  readCustomer: unused,
}

test('a snapshot that fails leaves nothing behind: the next one has everything that changed', () => {
  let isBroken = false
  const compiled = compileFeatures([{ name: 'plan', value: 'traits.plan' }], 1_800_000, (_feature, _path, fault) =>
    assert.fail(fault as Error),
  )
  const features = {
    ...compiled,
    features: compiled.features.map((feature) => ({
      ...feature,
      read: (moment: Parameters<typeof feature.read>[0]) => {
        const plan = feature.read(moment)
        if (isBroken && plan === 'b') throw new Error('a bug')
        return plan
      },
    })),
  }
  const cacheOf = () => new ProfileCache(store, 0, { features, timers: [], policy: 'p' }, async () => undefined, true)
  const [broken, whole] = [cacheOf(), cacheOf()]
  const change = (offset: number, ...plans: string[]) => {
    for (const cache of [broken, whole]) {
      for (const plan of plans) {
        const profile = cache.of(`customer of ${plan}`)
        assert(cache.take(profile, offset))
        Object.assign(profile, {
          streamTimeMs: 1,
          traits: new Map([['plan', plan]]),
          traitTimes: new Map([['plan', 1]]),
        })
      }
    }
  }
  change(0, 'a', 'b', 'c')
  isBroken = true
  assert.throws(() => broken.snapshot(1, checkpoint), /a bug/)
  change(1, 'a', 'd')
  assert.throws(() => broken.snapshot(2, checkpoint), /a bug/)
  broken.evict(0)
  assert.equal(broken.size, 4, 'none of them is in the store')
  isBroken = false
  assert.deepEqual(broken.snapshot(2, checkpoint), whole.snapshot(2, checkpoint))
  assert.deepEqual(broken.snapshot(3, checkpoint), whole.snapshot(3, checkpoint))
})

test('gives the size of the largest state in a snapshot', () => {
  const features = compile([
    { name: 'tops', kind: { name: 'top', of: 'properties.v', k: 1, max: 1_000 }, window: { kind: 'lifetime' } },
  ])
  const cache = new ProfileCache(store, 0, { features, timers: [], policy: 'p' }, async () => undefined, true)
  let position = 0
  const take = (customer: string, events: number) => {
    const profile = cache.of(customer)
    for (let i = 0; i < events; i++) {
      cache.take(profile, position++)
      fold(features, profile, { timeMs: 1_700_000_000_000 + i, type: 'a', value: `${i} ${'x'.repeat(900)}` })
    }
  }
  take('small', 1)
  take('large', 100)
  take('small too', 2)
  cache.snapshot(position, checkpoint)
  assert(cache.largestBytes > 100 * 900 && cache.largestBytes < 100 * 1_000, String(cache.largestBytes))
  take('small', 1)
  cache.snapshot(position, checkpoint)
  assert(cache.largestBytes < 3_000)
})
