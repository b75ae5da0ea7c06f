import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FeatureDeclaration } from '../features/declaration.ts'
import { compileFeatures } from '../features/features.ts'
import { completeKinds } from './complete-kinds.ts'

const count = (name: string, where?: string): FeatureDeclaration => {
  return { name, kind: { name: 'count' }, window: { kind: 'lifetime' }, ...(where === undefined ? {} : { where }) }
}
const [all, views, carts] = [count('all'), count('views', 'type == "view"'), count('carts', 'type == "cart"')]
const setOf = (declared: readonly FeatureDeclaration[]) =>
  compileFeatures(declared, 1_800_000, (_feature, _path, fault) => assert.fail(fault as Error))

test('a kind of profile is complete if its rules had all features of these, and all of them were ready', async () => {
  const earlier = new Map([
    ['same', setOf([all, views])],
    ['more', setOf([carts, views, all])],
    ['less', setOf([all])],
  ])
  const asked: string[] = []
  const gathered = [
    { policy: 'now', notReady: [] },
    { policy: 'now', notReady: ['views'] },
    { policy: 'same', notReady: [] },
    { policy: 'more', notReady: [] },
    { policy: 'more', notReady: ['carts'] },
    { policy: 'more', notReady: ['all', 'carts'] },
    { policy: 'less', notReady: [] },
    { policy: 'unknown', notReady: [] },
    { policy: '', notReady: [] },
  ]
  const complete = await completeKinds(gathered, { policy: 'now', features: setOf([all, views]) }, async (policy) => {
    asked.push(policy)
    return earlier.get(policy)
  })
  assert.deepEqual(complete, ['now', 'same', 'more', 'more carts'])
  assert.deepEqual(asked, ['same', 'more', 'less', 'unknown', ''])
})

test('the kind that these rules write is complete, even if nothing was written yet', async () => {
  const complete = await completeKinds([], { policy: 'now', features: setOf([all]) }, async () => undefined)
  assert.deepEqual(complete, ['now'])
})
