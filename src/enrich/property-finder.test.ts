import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Properties } from '../events/event.ts'
import { compilePropertyFinder } from './property-finder.ts'

test('each wanted property is found at its last place', () => {
  const cases: [names: string[], places: number[] | null][] = [
    [[], null],
    [['price', 'brand', 'boot', ''], null],
    [['bot'], [0, -1]],
    [
      ['price', 'is_bot', 'bot'],
      [2, 1],
    ],
    [
      ['bot', 'price', 'bot'],
      [2, -1],
    ],
    [['__proto__', '机器人'], null],
  ]
  const find = compilePropertyFinder(['bot', 'is_bot'])
  for (const [names, places] of cases) {
    const properties = new Properties(names, names)
    assert.deepEqual(find(properties), places, names.join())
    assert.deepEqual(find(new Properties(names, [])), places, `${names.join()} again`)
  }
})
