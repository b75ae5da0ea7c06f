import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Value } from '../events/event.ts'
import type { FeatureDeclaration } from '../features/declaration.ts'
import { compileFeatures } from '../features/features.ts'
import { parseJsonObject } from '../ingest/json.ts'
import { Profile } from './profile.ts'
import { readFeatures } from './readable.ts'

const setOf = (...values: readonly string[]) =>
  compileFeatures(
    values.map((value, i): FeatureDeclaration => ({ name: `f${i}`, value })),
    1_800_000,
    (_feature, _path, fault) => assert.fail(fault as Error),
  )

function profileOf(traits: string): Profile {
  const profile = new Profile('c')
  const { names, values } = parseJsonObject(Buffer.from(traits).toString())
  const read = new Map<string, Value>(names.map((name, i) => [name, values[i]!]))
  return Object.assign(profile, { traits: read })
}

test('a list has texts, whatever a producer puts into it: other values are given as JSON', () => {
  const profile = profileOf('{"tags":["a",1,1e21,true,null,{"id":1},[1,[{"b":"ü"}]],{},[]]}')
  const texts = ['a', '1', '1e+21', 'true', 'null', '{"id":1}', '[1,[{"b":"ü"}]]', '{}', '[]']
  const set = setOf(
    'traits.tags',
    'traits.tags.filter(tag, tag != "a")',
    'traits.tags.map(tag, [tag])',
    '[traits]',
    '[{traits.tags[5]: 1}, traits.tags[8]]',
  )
  assert.deepEqual(readFeatures(set, profile, 0).lists, [
    texts,
    texts.slice(1),
    texts.map((text, i) => `[${i === 0 ? '"a"' : text}]`),
    [`{"tags":["a",${texts.slice(1).join(',')}]}`],
    [`{"{\\"id\\":1}":1}`, '[]'],
  ])
})

test('the keys of a map are texts, whatever its expression gives', () => {
  const profile = profileOf('{"plan":{"id":1},"tags":[1,{"a":2}],"none":null}')
  const set = setOf('{traits.plan: 1, traits.tags: 2, traits.none: 3, true: 4, 5: 5}', '{traits: 1}', 'traits.plan')
  const { mapNames, maps } = readFeatures(set, profile, 0)
  assert.deepEqual(mapNames, ['f0', 'f1', 'f2'])
  assert.deepEqual(
    maps.map((entries) => Object.fromEntries(entries)),
    [
      { '{"id":1}': 1, '[1,{"a":2}]': 2, null: 3, true: 4, 5: 5 },
      { '{"plan":{"id":1},"tags":[1,{"a":2}],"none":null}': 1 },
      { id: 1 },
    ],
  )
})
