import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ConfigError } from '../../config/fault.ts'
import { Properties } from '../../events/event.ts'
import { readMappingFile } from './mapping-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-mapping-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'mapping.yaml')

function faultsOf(text: string): string[] {
  writeFileSync(file, text)
  try {
    readMappingFile(file)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.faults.map(({ line, path, message }) => `${line} ${path}: ${message}`)
  }
}

describe('a mapping file', () => {
  it('holds what the mapping of a topic holds', () => {
    const text =
      'customer: user\ntype: { constant: sale }\ntime: { field: at, unit: s }\nvalue: { cel: record.price * 2.0 }\n'
    assert.deepEqual(faultsOf(text), [])
    const { customer, type, time, value } = readMappingFile(file)
    assert.deepEqual([customer, type, time], ['user', { constant: 'sale' }, { from: 'at', unit: 's' }])
    assert.ok(typeof value === 'object' && 'evaluate' in value)
    assert.equal(value.evaluate(new Properties(['price'], [1.5])), 3)
  })

  const faulty = [
    ['a key that is none', 'customer: a\ntype: b\ntime: c\nuser: d\n', ['4 user: unknown key']],
    [
      'a source that is none',
      'customer: a\ntype: { feld: b }\ntime: c\n',
      ['2 type.field: missing', '2 type.feld: unknown key; did you mean field?'],
    ],
    ['a number for a source', 'customer: 5\ntype: b\ntime: c\n', [/^1 customer: .*expected a text/]],
    ['CEL that can not be parsed', 'customer: a\ntype: b\ntime: c\nvalue:\n  cel: record.x +\n', [/^5 value\.cel: /]],
    ['no customer, type and time', 'url: a\n', [/ customer: missing/, / type: missing/, / time: missing/]],
    ['YAML that is none', 'customer: [a\n', [/^\d /]],
  ] as const
  for (const [what, text, expected] of faulty) {
    it(`is refused with ${what}, and with its line`, () => {
      const faults = faultsOf(text)
      assert.equal(faults.length >= expected.length, true, faults.join())
      for (const [i, fault] of expected.entries()) {
        if (typeof fault === 'string') assert.equal(faults[i], fault)
        else assert.match(faults[i]!, fault)
      }
    })
  }

  it('is refused where there is none', () => {
    assert.throws(() => readMappingFile(join(folder, 'none.yaml')), /no such file/)
  })
})
