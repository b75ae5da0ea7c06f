import assert from 'node:assert/strict'
import { it } from 'node:test'
import { configSchema } from '../../src/config/schema.ts'
import { declareAll } from './declarations.ts'

it('declares every kind of feature that there is', () => {
  const { features } = configSchema.shape
  const fault = features.safeParse([{ name: 'a', window: 'session' }]).error!.issues[0]!.message
  const kinds = /one of (.+); found none/.exec(fault)![1]!.split(', ')
  const all = declareAll({ number: 'value', text: 'type', conditions: ['bot'] })
  for (const kind of kinds)
    assert.ok(
      all.some((declared) => kind in declared),
      kind,
    )
  const windows = features.parse(all).flatMap((declared) => ('window' in declared ? [declared.window.kind] : []))
  assert.deepEqual(new Set(windows), new Set(['panes', 'sliding', 'calendar', 'events', 'session', 'lifetime']))
})
