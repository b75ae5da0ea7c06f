import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExpressionFault, Scope } from '../expressions/expression.ts'
import type { AggregateDeclaration, FeatureDeclaration } from './declaration.ts'
import { eventVariables } from './moment.ts'
import { findUnfitValues } from './value-types.ts'

function faultsOf(kind: AggregateDeclaration): string[] {
  const declaration: FeatureDeclaration = { name: 'f', kind, window: { kind: 'lifetime' } }
  const faults: string[] = []
  findUnfitValues([declaration], (of, path, fault) => {
    assert.equal(of, declaration)
    faults.push(`${path.join('.')}: ${(fault as Error).message.slice(0, 40)}`)
  })
  return faults
}

const prices = 'properties.products.map(p, p.price)'

test('an aggregate over the items of a list is refused, whatever the kind, and one over what an item may be is not', () => {
  const list = ': the expression gives a list: an aggregate '
  assert.deepEqual(faultsOf({ name: 'sum', of: prices, scale: 2 }), [`sum${list}`.slice(0, 45)])
  for (const name of ['first', 'last', 'min', 'most_frequent'] as const) {
    const kind = { name, of: 'properties.products.filter(p, p.price > 1)', max: 10 } as AggregateDeclaration
    assert.match(faultsOf(kind).join(), new RegExp(`^${name}: the expression gives a list`))
  }
  assert.match(faultsOf({ name: 'count', by: { key: prices, max: 10 } }).join(), /^by: the expression gives a list/)
  assert.match(
    faultsOf({ name: 'distinct', of: 'properties', max: 10 }).join(),
    /^distinct: the expression gives a map/,
  )
  const fine = [
    'properties.products[0].price',
    'size(properties.products)',
    'properties.price * 2.0',
    'value',
    'session_index',
  ]
  for (const of of fine) assert.deepEqual(faultsOf({ name: 'sum', of, scale: 2 }), [], of)
  // How many events have it.
  assert.deepEqual(faultsOf({ name: 'count', of: prices }), [])
})

test('numbers are not made from texts or bools, which would be ignored', () => {
  assert.deepEqual(faultsOf({ name: 'sum', of: 'type', scale: 2 }), [
    'sum: sum takes numbers, and the expression gi'.slice(0, 45),
  ])
  assert.match(
    faultsOf({ name: 'quantile', of: 'bot', q: 0.5, error: 0.01 }).join(),
    /^quantile: quantile takes numbers/,
  )
  assert.deepEqual(faultsOf({ name: 'last', of: 'type' }), [])
  assert.deepEqual(faultsOf({ name: 'distinct', of: 'bot', max: 10 }), [])
})

test('the sign for all items from other languages is reported, with what CEL has instead', () => {
  const scope = new Scope(eventVariables)
  for (const source of ['properties.products[].price', 'size(properties.products[ ])']) {
    assert.throws(
      () => scope.compile(source),
      (fault: unknown) => {
        assert.ok(fault instanceof ExpressionFault)
        assert.match(fault.message, /^\[\] for the items of a list is not CEL: list\[0\], size\(list\)/)
        assert.equal(source.slice(fault.position).search(/\[\s*\]/), 0)
        return true
      },
    )
  }
  assert.equal(scope.compile('size([]) == 0').type, 'bool')
})
