import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Value } from './event.ts'
import { toJsonText } from './json-text.ts'

describe('a value as JSON for ClickHouse', () => {
  const cases: [value: Value, text: string][] = [
    [
      { x: 9007199254740991, y: [123456789012345680000, 'a'] },
      '{"x":9007199254740991,"y":[123456789012345680000e0,"a"]}',
    ],
    [2 ** 64, '18446744073709552000e0'],
    [
      [2 ** 63, -(2 ** 63), -1e18, 1e18],
      '[9223372036854776000,-9223372036854776000e0,-1000000000000000000e0,1000000000000000000]',
    ],
    [
      [1e20, 2e20, -1e20, 1e21, -1e21],
      '[100000000000000000000e0,200000000000000000000e0,-100000000000000000000e0,1e+21,-1e+21]',
    ],
    [
      [1.234567890123456e-6, -0, 5e-324, Number.MAX_VALUE],
      '[0.000001234567890123456,0,5e-324,1.7976931348623157e+308]',
    ],
    [
      { '[12345678901234567890,': ':"12345678901234567890]\\', n: 1e20 },
      '{"[12345678901234567890,":":\\"12345678901234567890]\\\\","n":100000000000000000000e0}',
    ],
    ['12345678901234567890', '"12345678901234567890"'],
    [null, 'null'],
  ]
  for (const [value, text] of cases) it(text, () => assert.equal(toJsonText(value), text))

  it('is the same value to whoever reads it, and has no integer of more than 64 bits', () => {
    const amounts = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt(-(10n ** 21n), 10n ** 21n).map(Number),
    )
    const names = fc.oneof(fc.string(), fc.constantFrom(',12345678901234567890,', '"\\', '[-9223372036854775809]'))
    const { value } = fc.letrec<{ value: Value }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        amounts,
        names,
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(names, tie('value')),
      ),
    }))
    const property = fc.property(value, (given) => {
      const text = toJsonText(given)
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(given)))
      for (const [digits] of text.replace(/"(?:[^"\\]|\\.)*"/g, '').matchAll(/(?<![\d.e+-])-?\d+(?![\d.e])/g)) {
        assert.ok(-(2n ** 63n) <= BigInt(digits) && BigInt(digits) < 2n ** 64n, text)
      }
    })
    fc.assert(property)
  })
})
