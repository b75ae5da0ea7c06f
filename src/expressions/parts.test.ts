import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Scope } from './expression.ts'
import { leavesOf, nameOfLeaf, partsAgainst } from './parts.ts'

type Values = Readonly<Record<string, unknown>>

const scope = new Scope<Values>([
  ...['a', 'b', 'c'].map((name) => ({ name, type: 'int', read: (values: Values) => values[name] })),
  { name: 'yes', type: 'bool', read: (values) => values['yes'] },
  { name: 'type', type: 'string', read: (values) => values['type'] },
  { name: 'props', type: 'map<string, dyn>', read: (values) => values['props'] },
])
const values: Values = {
  a: 1,
  b: 2,
  c: 3,
  yes: true,
  type: 'view',
  props: { price: 5, cart: { total: 9 }, tags: ['x'] },
}

for (const [source, ...parts] of [
  ['a >= 1 && b == 2'],
  ['a >= 2 && b == 2', 'a >= 2'],
  ['a >= 2 && (b == 3 || c == 4) && yes', 'a >= 2', 'b == 3', 'c == 4'],
  ['!(a == 1 && b == 2)', 'a == 1', 'b == 2'],
  ['!yes', 'yes'],
  ['!(a == 2 || yes)', 'yes'],
  ['yes ? a > 1 : b > 1', 'a > 1'],
  ['props.price > 5 && type == "view"', 'props.price > 5'],
  ['props.none > 5', 'props.none > 5'],
  ['props.tags.exists(t, t == type)', 'props.tags.exists(t, t == type)'],
] as const) {
  test(`the parts that keep it from being true: ${source}`, () => {
    const { tree, evaluate } = scope.compile(source)
    const found = partsAgainst(tree, values, (node) => scope.evaluator(node))
    assert.deepEqual(
      found.map(({ text }) => text),
      parts,
    )
    assert.equal(evaluate(values) === true, parts.length === 0)
  })
}

test('a part that can not be evaluated has no value', () => {
  const { tree } = scope.compile('props.none > 5')
  const [part] = partsAgainst(tree, values, (node) => scope.evaluator(node))
  assert.equal(part!.value, undefined)
})

test('what an expression reads: variables, and members as far as their keys are constant', () => {
  const read = (source: string) =>
    leavesOf(scope.compile(source).tree, (node) => scope.evaluator(node)).map((leaf) => [
      nameOfLeaf(leaf),
      leaf.read(values),
    ])
  assert.deepEqual(read('a + props.cart["total"] > a && has(props.price)'), [
    ['a', 1],
    ['props.cart.total', 9],
    ['props.price', 5],
  ])
  assert.deepEqual(read('type == "x" && props.tags.all(t, t.name == type)'), [
    ['type', 'view'],
    ['props.tags', ['x']],
  ])
})
