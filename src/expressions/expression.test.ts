import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Environment } from '@marcbachmann/cel-js'
import fc from 'fast-check'
import { Properties } from '../events/event.ts'
import { ExpressionFault, nearest, Scope } from './expression.ts'

interface Moment {
  readonly type: string
  readonly n: number
  readonly x: number
  readonly properties: Properties
}

const scope = new Scope<Moment>([
  { name: 'type', type: 'string', read: (m) => m.type },
  { name: 'n', type: 'int', read: (m) => m.n },
  { name: 'x', type: 'double', read: (m) => m.x },
  { name: 'properties', type: 'map<string, dyn>', read: (m) => m.properties },
])
const moment: Moment = {
  type: 'purchase',
  n: 7,
  x: 2.5,
  properties: new Properties(
    ['revenue', 'category', 'products', 'nothing'],
    [
      12.5,
      'shoes',
      [
        { sku: 'a', price: 3 },
        { sku: 'b', price: 30 },
      ],
      null,
    ],
  ),
}
const evaluate = (source: string, at = moment) => scope.compile(source).evaluate(at)

test('a comparison with a constant gives what one with a variable gives', () => {
  interface Pair {
    readonly a: unknown
    readonly b: unknown
  }
  const pair = new Scope<Pair>([
    { name: 'a', type: 'dyn', read: (m) => m.a },
    { name: 'b', type: 'dyn', read: (m) => m.b },
  ])
  const values = [2, 3, 3.5, 4, '', '2', '3', '4', true, false, null, undefined, Number.NaN, [3], new Map()]
  for (const op of ['==', '!=', '<', '<=', '>', '>=']) {
    for (const [source, b] of [
      ['3', 3],
      ['3.5', 3.5],
      ['"3"', '3'],
    ] as const) {
      const [constant, variable] = [pair.compile(`a ${op} ${source}`), pair.compile(`a ${op} b`)]
      for (const a of values) {
        assert.equal(constant.evaluate({ a, b }), variable.evaluate({ a, b }), `${String(a)} ${op} ${source}`)
      }
    }
  }
})

test('expressions give what CEL says', () => {
  const cases: [source: string, wanted: unknown][] = [
    ['type == "purchase"', true],
    ['type in ["view", "purchase"]', true],
    ['properties.revenue > 12', true],
    ['properties["revenue"] * 2.0', 25],
    ['n / 2', 3],
    ['-n / 2', -3],
    ['n % 4', 3],
    ['-n % 4', -3],
    ['"\ue000" < "😀"', true],
    ['x / 2.0', 1.25],
    ['n > 3 ? "many" : "few"', 'many'],
    ['!(n == 7)', false],
    ['properties.products.exists(p, p.price > 10)', true],
    ['properties.products.all(p, p.price > 10)', false],
    ['properties.products.exists_one(p, p.sku == "a")', true],
    ['properties.products.filter(p, p.price > 10).map(p, p.sku)', ['b']],
    ['size(properties.products)', 2],
    ['size("héé")', 3],
    ['type.startsWith("pur") && type.endsWith("se") && type.contains("rcha")', true],
    ['has(properties.revenue)', true],
    ['has(properties.missing)', false],
    ['properties.nothing == null', true],
    ['int("42") + 1', 43],
    ['double("1.5") + x', 4],
    ['string(n) + "!"', '7!'],
    ['[1, 2] + [3] == [1, 2, 3]', true],
    ['"revenue" in properties', true],
    ['n == 7.0', true],
    ['x + 1', 3.5],
    ['x == 2', false],
  ]
  for (const [source, wanted] of cases) assert.deepEqual(evaluate(source), wanted, source)
})

test('an error is no value, and only &&, || and the macros absorb it', () => {
  const cases: [source: string, wanted: unknown][] = [
    ['properties.missing > 3', undefined],
    ['properties.category > 3', undefined],
    ['properties.revenue % 2', undefined],
    ['properties.missing > 3 && n == 0', false],
    ['properties.missing > 3 || n == 7', true],
    ['properties.missing > 3 && n == 7', undefined],
    ['!(properties.missing > 3)', undefined],
    ['n / 0', undefined],
    ['9007199254740991 + n', undefined],
    ['properties.revenue * 1e308 * 1e308', undefined],
    ['properties.products.exists(p, p.none > 1 || p.price > 10)', true],
    ['properties.products[9]', undefined],
    ['properties.missing.deeper', undefined],
    ['properties.toString', undefined],
    ['properties.__proto__', undefined],
  ]
  for (const [source, wanted] of cases) assert.deepEqual(evaluate(source), wanted, source)
})

test('a fault names what is wrong, where, and the nearest name', () => {
  const cases: [source: string, message: RegExp, position: number][] = [
    ['n > 1 && tipe == "a"', /Unknown variable: tipe; did you mean type\?/, 9],
    ['n = 3', /^= is not CEL; did you mean ==\?$/, 2],
    ['n === 3', /^=== is not CEL; did you mean ==\?$/, 2],
    ['n <> 3', /^<> is not CEL; did you mean !=\?$/, 2],
    ['n => 3', /^=> is not CEL; did you mean >=\?$/, 2],
    ['n > 1 and n < 3', /^and is not CEL; did you mean &&\?$/, 6],
    ['n > 1 OR n < 3', /^OR is not CEL; did you mean \|\|\?$/, 6],
    ['not (n > 1)', /^not is not CEL; did you mean !\?$/, 0],
    ['n > 1 & n < 3', /^& is not CEL; did you mean &&\?$/, 6],
    ['type == "and" = true', /^= is not CEL/, 14],
    ['type == “a”', /^“ is not CEL; did you mean "\?$/, 8],
    ['Booking Cancelled', /^words alone are not CEL; of an event type: type == "Booking Cancelled"$/, 0],
    ['type == "Complaint', /^a text without its closing quote; in YAML a # after a blank begins a comment/, 8],
    ['city_name', /^Unknown variable: city_name; did you mean properties\.city_name, or the text "city_name"\?$/, 0],
    ['property.city == "x"', /^Unknown variable: property; did you mean properties\?$/, 0],
    ['props["city"] == "x"', /^Unknown variable: props; did you mean properties\?$/, 0],
    ['n > "a"', /no such overload: int > string/, 2],
    ['n >', /./, 3],
    ['type.matches("a+")', /matches is not supported; a pattern could take for ever/, 0],
    ['n > 99999999999999999', /2\^53/, 4],
  ]
  for (const [source, message, position] of cases) {
    assert.throws(
      () => scope.compile(source),
      (fault) => {
        assert(fault instanceof ExpressionFault)
        assert.match(fault.message, message)
        assert(Math.abs(fault.position - position) <= 4, `${source}: ${fault.position}`)
        return true
      },
    )
  }
  assert.equal(nearest('vews_5m', ['views_5m', 'carts_1h']), 'views_5m')
  assert.equal(nearest('something', ['views_5m']), undefined)
})

test('it agrees with the library that interprets the standard', () => {
  const library = new Environment().registerVariable('n', 'int').registerVariable('x', 'double')
  const leaf = fc.constantFrom('n', '3', '-2', '0', '11')
  const comparison = fc
    .tuple(leaf, fc.constantFrom('<', '<=', '>', '>=', '==', '!='), leaf)
    .map(([a, op, b]) => `${a} ${op} ${b}`)
  const arithmetic = fc
    .tuple(leaf, fc.constantFrom('+', '-', '*', '/', '%'), leaf, fc.constantFrom('>', '=='), leaf)
    .map(([a, op, b, compare, c]) => `(${a} ${op} ${b}) ${compare} ${c}`)
  const condition = fc
    .array(fc.tuple(fc.oneof(comparison, arithmetic), fc.constantFrom('&&', '||')), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map(([part, op], i) => (i === 0 ? `(${part})` : `${op} (${part})`)).join(' '))
  fc.assert(
    fc.property(condition, fc.integer({ min: -20, max: 20 }), (source, n) => {
      let wanted: unknown
      try {
        wanted = library.evaluate(source, { n: BigInt(n), x: n / 2 })
      } catch {
        wanted = undefined // CEL's error.
      }
      assert.equal(evaluate(source, { ...moment, n, x: n / 2 }), wanted, source)
    }),
    { numRuns: 500 },
  )
})

test('a reader remembers the names of one schema and is right for others too', () => {
  const { evaluate: read } = scope.compile('properties.b')
  const names = ['a', 'b']
  for (const [properties, wanted] of [
    [new Properties(names, [1, 2]), 2],
    [new Properties(names, [3, 4]), 4],
    [new Properties(['b'], [5]), 5],
    [new Properties([], []), undefined],
    [new Properties(names, [6, 7]), 7],
  ] as const) {
    assert.equal(read({ ...moment, properties }), wanted)
  }
})

test('macros within macros that multiply their lists end in an error, and the next expression works as usual', () => {
  const list = Array.from({ length: 10_000 }, (_, i) => i)
  const at = { ...moment, properties: new Properties(['xs', 'note'], [list, 'x'.repeat(40_000)]) }
  const xs = 'properties.xs'
  const tooMuch = [
    `${xs}.exists(a, ${xs}.exists(b, ${xs}.exists(c, a + b + c < 0)))`,
    `${xs}.all(a, ${xs}.all(b, a + b >= 0))`,
    `${xs}.map(a, ${xs}.map(b, b)).size() > 0`,
    `${xs}.exists(a, -1 - a in ${xs})`,
    `${xs}.exists(a, ${xs} + [a] == [])`,
    `${xs}.exists(a, ${xs} == ${xs}.map(b, -1))`,
    `${xs}.exists(a, ${xs}.size() == a - 10000)`,
    `${xs}.exists(a, properties.note.contains("y"))`,
    `${xs}.exists(a, properties.note.size() < 0)`,
    `${xs}.exists(a, properties.note < "w")`,
    `${xs}.exists(a, double(properties.note) > 0.0)`,
  ]
  for (const source of tooMuch) {
    assert.equal(evaluate(source, at), undefined, source)
    assert.equal(evaluate(`(${source}) || true`, at), true, source)
    assert.equal(evaluate(`${xs}.exists(a, a == 9999) && 5 in ${xs} && properties.note.size() == 40000`, at), true)
  }
})

test('a map does not give more than an event has, however little memory it takes', () => {
  const list = Array.from({ length: 2_000 }, (_, i) => i)
  const properties = new Properties(['xs', 'note', 'nested', 'ys'], [list, 'x'.repeat(2_000), [{ of: list }], [1, 2]])
  const at = { ...moment, properties }
  const xs = 'properties.xs'
  for (const of of [
    xs,
    'properties.note',
    'properties.nested',
    '{"a": properties.note}',
    '[[properties.note]]',
    'properties',
  ]) {
    assert.equal(evaluate(`${xs}.map(a, ${of}).size() > 0`, at), undefined, of)
    assert.equal(evaluate(`properties.ys.map(a, ${of}).size()`, at), 2, of)
  }
  assert.equal(evaluate(`${xs}.map(a, ${xs}.map(b, ${xs})).size() > 0`, at), undefined)
  assert.equal(evaluate(`${xs}.map(a, a + 1).size()`, at), 2_000)
})

test('the macros of an expression that is read within a macro count with it', () => {
  const list = Array.from({ length: 9_900 }, (_, i) => i)
  const xs = 'properties.xs'
  let inner: (of: typeof at) => unknown = () => undefined
  const outer = new Scope<typeof moment>([
    { name: 'properties', type: 'map<string, dyn>', read: (m) => m.properties },
    { name: 'computed', type: 'dyn', read: (m) => inner(m as typeof at) ?? null },
  ])
  const at = { ...moment, properties: new Properties(['xs', 'tags'], [list, ['pro']]) }
  let evaluations = 0
  const exists = outer.compile('properties.tags.exists(t, t == "free")').evaluate
  inner = (m) => {
    evaluations++
    return exists(m)
  }
  assert.equal(outer.compile(`${xs}.exists(a, !computed && ${xs}.exists(b, a + b < 0))`).evaluate(at), undefined)
  assert.ok(evaluations < 20, String(evaluations))
  const all = outer.compile(`${xs}.all(x, x >= 0)`).evaluate
  inner = all
  assert.equal(outer.compile(`${xs}.exists(a, computed == null)`).evaluate(at), undefined)
  assert.equal(outer.compile(`computed && ${xs}.exists(a, a == 9899)`).evaluate(at), true)
})

test('macros that visit each element once are not cut off, however deep they are', () => {
  const groups = Array.from({ length: 100 }, () => ({ tags: Array.from({ length: 100 }, (_, i) => `tag ${i}`) }))
  const at = { ...moment, properties: new Properties(['groups'], [groups]) }
  assert.equal(evaluate('properties.groups.all(g, g.tags.exists(t, t == "tag 99") && "tag 98" in g.tags)', at), true)
  assert.equal(evaluate('properties.groups.map(g, g.tags.size()).all(n, n == 100)', at), true)
})

test('a text or a list that grows without bound is an error, not a full heap', () => {
  const doubled = (start: string, times: number) => `[${start}]${'.map(a, a + a)'.repeat(times)}`
  assert.equal(evaluate(`${doubled('type', 16)}[0].size()`), 8 * 2 ** 16)
  assert.equal(evaluate(`${doubled('type', 40)}[0].size()`), undefined)
  assert.equal(evaluate(`${doubled('[1]', 40)}[0].size()`), undefined)
})
