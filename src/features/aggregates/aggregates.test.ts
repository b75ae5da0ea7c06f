import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Value } from '../../events/event.ts'
import type { Aggregate, Panes } from '../aggregate.ts'
import type { AggregateDeclaration } from '../declaration.ts'
import { hashScalar } from './hash.ts'
import { makeAggregate } from './kinds.ts'
import type { Scalar } from './order.ts'

/** One event of one customer, as an aggregate sees it. */
interface Fact {
  readonly timeMs: number
  readonly value: unknown
  readonly key: unknown
}

/** One row of one aggregate, without a key. */
function rowOf(aggregate: Aggregate, facts: readonly Fact[]): Panes {
  const cells = new Array<number>(aggregate.cells).fill(0)
  aggregate.start(cells, 0)
  let kept: unknown
  for (const { timeMs, value, key } of facts) kept = aggregate.add(cells, 0, value, timeMs, kept, key)
  return { cells, stride: aggregate.cells, kept: [kept], keptStride: 1, totals: undefined }
}

function merge(aggregate: Aggregate, to: Panes, from: Panes): Panes {
  to.kept[0] = aggregate.merge(to.cells, 0, to.kept[0], from.cells, 0, from.kept[0])
  return to
}

const dayMs = 86_400_000
const asOfMs = 1_700_000_000_000 + 30 * dayMs
const read = (aggregate: Aggregate, row: Panes): Value => aggregate.read(row, 0, 1, 0, 0, asOfMs, dayMs)
const resultOf = (kind: AggregateDeclaration, facts: readonly Fact[]) => {
  const aggregate = makeAggregate(kind)
  return read(aggregate, rowOf(aggregate, facts))
}
const factsOf = (values: readonly unknown[]): Fact[] =>
  values.map((value, i) => ({ timeMs: 1_700_000_000_000 + i, value, key: value }))

// Bounds are small, so that the kinds that have one go past it.
const by = { key: '', max: 4 }
const kinds: readonly AggregateDeclaration[] = [
  { name: 'count' },
  { name: 'count', of: '' },
  { name: 'count', by },
  { name: 'count', of: '', by },
  { name: 'sum', of: '', scale: 2 },
  { name: 'sum', of: '', scale: 2, by },
  { name: 'avg', of: '', scale: 2 },
  { name: 'variance', of: '', scale: 2 },
  { name: 'stddev', of: '', scale: 9 },
  { name: 'min', of: '' },
  { name: 'max', of: '' },
  { name: 'first', of: '' },
  { name: 'last', of: '' },
  { name: 'last_n', of: '', n: 4 },
  { name: 'distinct', of: '', max: 4 },
  { name: 'top', of: '', k: 3, max: 1000 },
  { name: 'most_frequent', of: '', max: 1000 },
  { name: 'least_frequent', of: '', max: 1000 },
  { name: 'quantile', of: '', q: 0.9, error: 0.01 },
  { name: 'rate', perMs: 1000, scale: 4 },
  { name: 'rate', of: '', perMs: 1000, scale: 4 },
  { name: 'smoothed_rate', of: '', prior: 0.05, weight: 10 },
  { name: 'decayed_sum', of: '', halfLifeMs: 3_600_000 },
  { name: 'time_since' },
  { name: 'time_since_first' },
  { name: 'active_days' },
]

const scalar = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map((n) => n / 4),
  fc.constantFrom('a', 'b', '水', '\u{1f600}', '1', ''),
  fc.boolean(),
)
const facts = fc.array(
  fc.record({
    timeMs: fc.integer({ min: 0, max: 40 }).map((n) => 1_700_000_000_000 + n * 17_000_000),
    value: fc.oneof({ weight: 5, arbitrary: scalar }, fc.constantFrom(null, undefined, [1])),
    key: fc.oneof({ weight: 5, arbitrary: scalar }, fc.constant(undefined)),
  }),
  { maxLength: 40 },
)

test('what is read depends neither on the order of the events nor on how they were spread over merged rows', () => {
  for (const kind of kinds) {
    const aggregate = makeAggregate(kind)
    fc.assert(
      fc.property(facts, fc.infiniteStream(fc.nat()), fc.nat(40), (given, random, cut) => {
        const wanted = read(aggregate, rowOf(aggregate, given))
        const shuffled = given
          .map((fact) => [random.next().value, fact] as const)
          .sort(([a], [b]) => a - b)
          .map(([, fact]) => fact)
        const parts = [shuffled.slice(0, cut), shuffled.slice(cut), []].map((part) => rowOf(aggregate, part))
        const [first, second, none] = parts as [Panes, Panes, Panes]
        const before = structuredClone(second)
        const merged = merge(aggregate, merge(aggregate, first, second), none)
        assertSame(kind, read(aggregate, merged), wanted)
        assert.deepEqual(second, before, 'the other row stays as it is')
        for (const { timeMs, value, key } of given) {
          merged.kept[0] = aggregate.add(merged.cells, 0, value, timeMs, merged.kept[0], key)
        }
        assert.deepEqual(second, before, 'and shares nothing')
      }),
      { numRuns: 100 },
    )
  }
})

/** All are equal to the last digit but the decayed sum, which says how near it is. */
function assertSame({ name }: AggregateDeclaration, got: Value, wanted: Value): void {
  if (name !== 'decayed_sum') assert.deepEqual(got, wanted, name)
  else assert.ok(Math.abs((got as number) - (wanted as number)) <= 1e-12 * 200, `${got} is not ${wanted}`)
}

test('a variance keeps all digits where plain sums of squares lose them', () => {
  const values = [0, 1, 2].map((n) => 1_000_000_000 + n / 100)
  const variance = resultOf({ name: 'variance', of: '', scale: 2 }, factsOf(values))
  assert.equal(variance, 2 / 3 / 10_000)
  assert.equal(resultOf({ name: 'variance', of: '', scale: 9 }, factsOf([-1e300, 1e300])), (2 ** 52 - 1) ** 2 / 1e18)
  const units = fc.array(fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(units, (given) => {
      const n = BigInt(given.length)
      const sum = given.reduce((total, unit) => total + BigInt(unit), 0n)
      const squares = given.reduce((total, unit) => total + BigInt(unit) ** 2n, 0n)
      // Past 2^105 the squares are rounded.
      fc.pre(squares < 2n ** 105n)
      const wanted = Number(n * squares - sum * sum) / given.length ** 2
      assert.equal(resultOf({ name: 'variance', of: '', scale: 0 }, factsOf(given)), wanted)
    }),
  )
})

test('distinct is exact up to its bound, and past it within five standard errors, however many they are', () => {
  for (const [max, wanted] of [
    [1000, 1000],
    [0, 1],
    [0, 10],
    [1000, 1001],
    [0, 5_000],
    [10, 20_000],
    [1000, 200_000],
  ] as const) {
    for (const value of [(i: number) => `customer-${i}`, (i: number) => i, (i: number) => i / 8 - 7]) {
      const aggregate = makeAggregate({ name: 'distinct', of: '', max })
      const row = rowOf(aggregate, [])
      for (let i = 0; i < wanted; i++) row.kept[0] = aggregate.add([], 0, value(i), 0, row.kept[0], undefined)
      const got = read(aggregate, row) as number
      if (wanted <= max) assert.equal(got, wanted)
      assert.ok(Math.abs(got / wanted - 1) < (5 * 1.04) / 64, `${got} of ${wanted}`)
      assert.ok(got > Math.min(max, wanted - 1), `${got} is more than ${max} kept`)
    }
  }
})

test('a hash is FNV-1a of the bytes with its halves mixed, the same for ever', () => {
  const hash = (value: Scalar) => {
    const into = new Uint32Array(2)
    hashScalar(value, into)
    return (BigInt(into[0]!) << 32n) | BigInt(into[1]!)
  }
  const fnv = (bytes: Buffer) =>
    bytes.reduce((state, byte) => ((state ^ BigInt(byte)) * 0x100000001b3n) % 2n ** 64n, 0xcbf29ce484222325n)
  const mix = (half: number) => {
    let h = Math.imul(half ^ (half >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) >>> 0
  }
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true }), fc.boolean()), (value) => {
      const double = Buffer.alloc(8)
      if (typeof value === 'number') double.writeDoubleLE(value + 0)
      const bytes = typeof value === 'string' ? Buffer.from(value, 'utf16le') : double
      const type = typeof value === 'string' ? 2 : typeof value === 'number' ? 1 : value ? 4 : 3
      const state = fnv(Buffer.from([type, ...(typeof value === 'boolean' ? [] : bytes)]))
      const [high, low] = [Number(state >> 32n), Number(state & 0xffff_ffffn)]
      const mixedHigh = (high ^ mix(low)) >>> 0
      assert.equal(hash(value), (BigInt(mixedHigh) << 32n) | BigInt((low ^ mix(mixedHigh)) >>> 0))
    }),
  )
  assert.equal(hash(-0), hash(0))
  assert.notEqual(hash(1), hash('1'))
})

test('a quantile keeps its error for numbers of all sizes and signs, and doubles it past a thousand buckets', () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(values, fc.constantFrom(0.01, 0.25, 0.5, 0.95, 0.999), (given, q) => {
      const got = resultOf({ name: 'quantile', of: '', q, error: 0.01 }, factsOf(given)) as number
      const wanted = given.sort((a, b) => a - b)[Math.floor(q * (given.length - 1))]!
      assert.ok(Math.abs(got - wanted) <= 0.01 * Math.abs(wanted) * (1 + 1e-9) + 1e-9, `${got} is not ${wanted}`)
    }),
  )
  // Buckets of 1 % from 1e-9 to 1e20 and their negatives are 6,700: three doublings make them fit.
  const wide = Array.from({ length: 20_000 }, (_, i) => 10 ** (((i >> 1) / 10_000) * 29 - 9) * (i % 2 === 0 ? 1 : -1))
  const aggregate = makeAggregate({ name: 'quantile', of: '', q: 0.75, error: 0.01 })
  const row = rowOf(aggregate, factsOf(wide))
  assert.ok((row.kept[0] as Map<number, number>).size <= 1000)
  const wanted = wide.sort((a, b) => a - b)[Math.floor(0.75 * 19_999)]!
  assert.ok(Math.abs((read(aggregate, row) as number) / wanted - 1) <= 0.08)
  for (const edge of [Number.MAX_VALUE, -Number.MAX_VALUE, 0, 1e-10]) {
    const got = resultOf({ name: 'quantile', of: '', q: 0.5, error: 0.2 }, factsOf([edge])) as number
    assert.ok(Math.abs(got - edge) <= 0.2 * Math.abs(edge) + 1e-9 && Number.isFinite(got), String(edge))
  }
})

test('a decayed sum halves every half-life, over spans far past what a double can weigh', () => {
  const halfLifeMs = 1_000
  const at = (beforeMs: number, value: number): Fact => ({ timeMs: asOfMs - beforeMs, value, key: undefined })
  const kind = { name: 'decayed_sum', of: '', halfLifeMs } as const
  assert.equal(resultOf(kind, []), 0)
  assert.equal(resultOf(kind, [at(0, 3), at(1_000, 8), at(3_000, -16)]), 5)
  assert.equal(resultOf(kind, [at(20 * dayMs, 1e9), at(2_000, 4)]), 1)
  assert.equal(resultOf(kind, [at(2_000, 4), at(20 * dayMs, 1e9)]), 1)
  assert.equal(resultOf(kind, [at(20 * dayMs, 1e9)]), 0)
})

test('a map keeps its first keys by code point, each with its complete total', () => {
  const kind = { name: 'count', by: { key: '', max: 3 } } as const
  assert.deepEqual(resultOf(kind, factsOf(['z', 'a', 7, 'z', 'b', 'a', true, '7', null, 'z', 7])), { 7: 3, a: 2, b: 1 })
  assert.deepEqual(resultOf(kind, factsOf(['__proto__', '', '__proto__'])), { '': 1, ['__proto__']: 2 })
  assert.deepEqual(resultOf({ name: 'count', by: { key: '', max: 3 }, of: '' }, []), {})
})

test('the latest values are those of the latest events, and of one moment the largest', () => {
  const at = (timeMs: number, value: Scalar): Fact => ({ timeMs, value, key: undefined })
  const given = [at(5, 'a'), at(9, 1), at(5, 'b'), at(9, 1), at(9, 'x'), at(1, 'z')]
  assert.deepEqual(resultOf({ name: 'last_n', of: '', n: 4 }, given), ['x', 1, 1, 'b'])
  assert.deepEqual(resultOf({ name: 'last_n', of: '', n: 100 }, given), ['x', 1, 1, 'b', 'a', 'z'])
  const aggregate = makeAggregate({ name: 'last_n', of: '', n: 4 })
  const rows = [[at(1, 'z')], [at(5, 'a')], [at(5, 'b')], [at(9, 'x'), at(9, 1)], [at(9, 1)]]
  const kept = rows.map((facts) => rowOf(aggregate, facts).kept[0])
  const panes: Panes = { cells: [], stride: 0, kept, keptStride: 1, totals: undefined }
  assert.deepEqual(aggregate.read(panes, 0, rows.length, 0, 0, asOfMs, 0), ['x', 1, 1, 'b'], 'also from many rows')
})
