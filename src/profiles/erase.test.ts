import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eraseProfile, isErased } from './erase.ts'
import { Profile } from './profile.ts'

test('nothing is left of an erased customer, except the place in the partition', () => {
  const profile = new Profile('c')
  Object.assign(profile, { position: 8, dirty: true, changes: 3, bytes: 5_000, streamTimeMs: 1_000 })
  Object.assign(profile.session, { index: 2, lastMs: 1_000, entryPage: '/secret' })
  Object.assign(profile, { traits: new Map([['plan', 'gold']]), traitTimes: new Map([['plan', 1_000]]) })
  Object.assign(profile, { notReady: new Set(['n']), later: [], groups: [undefined], timers: [{ fired: false }] })
  profile.recentIds.add(77, 1_000, 1_000, 10)
  profile.contacts = new Map([['hello', [1_000]]])
  assert.equal(isErased(profile), false)

  eraseProfile(profile, 8)
  const kept = { position: 8, dirty: true, changes: 3, bytes: 5_000, erasedBefore: 8 }
  assert.deepEqual(profile, Object.assign(new Profile('c'), kept))
  assert.equal(isErased(profile), true)
  profile.streamTimeMs = 2_000
  assert.equal(isErased(profile), false, 'the customer is back')
  assert.equal(isErased(new Profile('new')), false)
})
