import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Properties } from '../events/event.ts'
import { PropertyCollector } from './property-shape.ts'

const collect = (collector: PropertyCollector, entries: readonly (readonly [string, number])[]): Properties => {
  for (const [name, value] of entries) collector.add(name, value)
  return collector.take()
}

test('events with the same names in the same order share one array of names', () => {
  const collector = new PropertyCollector()
  const first = collect(collector, [
    ['price', 1],
    ['sku', 2],
  ])
  const other = collect(collector, [['price', 3]])
  const second = collect(collector, [
    ['price', 4],
    ['sku', 5],
  ])
  assert.equal(first.names, second.names)
  assert.deepEqual(first.names, ['price', 'sku'])
  assert.deepEqual([first.values, other.values, second.values], [[1, 2], [3], [4, 5]])
  assert.deepEqual(other.names, ['price'])
  assert.equal(collector.take(), Properties.empty)
})

test('what an abandoned event left behind does not reach the next one', () => {
  const collector = new PropertyCollector()
  collector.add('left', 1)
  collector.clear()
  assert.equal(collector.take(), Properties.empty)
})

test('endless made-up names from a producer still give the right properties', () => {
  const collector = new PropertyCollector()
  for (let i = 0; i < 20_000; i++) {
    const { names, values } = collect(collector, [
      [`a${i}`, i],
      [`b${i}`, i],
    ])
    assert.deepEqual(
      [names, values],
      [
        [`a${i}`, `b${i}`],
        [i, i],
      ],
    )
  }
  const many = Array.from({ length: 1000 }, (_, i) => [`n${i}`, i] as const)
  assert.deepEqual(
    collect(collector, many).names,
    many.map(([name]) => name),
  )
})
