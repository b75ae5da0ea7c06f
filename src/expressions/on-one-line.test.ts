import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onOneLine } from './on-one-line.ts'

test('whitespace becomes one space outside of string literals, and stays within them', () => {
  const cases: [source: string, line: string][] = [
    ['a   ==\n\t1', 'a == 1'],
    ['a ==  "x  y"', 'a == "x  y"'],
    ["a ==  'x\ty'  &&  b", "a == 'x\ty' && b"],
    ['a ==  "x\\"  y"  && b', 'a == "x\\"  y" && b'],
    ['a ==  "it\'s"  && b == "  "', 'a == "it\'s" && b == "  "'],
    ['a ==  r"x\\"  && b ==  R\'  \'', 'a == r"x\\" && b == R\'  \''],
    ['a ==  """x "  y"""  && b', 'a == """x "  y""" && b'],
    ["a ==  '''x '\n  y'''  && b", "a == '''x '\n  y''' && b"],
    ["a // it's   so  \n &&   b == 'x  y'", "a // it's so && b == 'x  y'"],
    ['a == "https://x"  && b', 'a == "https://x" && b'],
    ['Product Viewed', 'Product Viewed'],
  ]
  for (const [source, line] of cases) assert.equal(onOneLine(source), line)
})
