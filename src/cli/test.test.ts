import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testCommand } from './test.ts'
import { runInProcess } from './test-setup.ts'

const shop = fileURLToPath(new URL('../../../examples/shop', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'beckon-test-'))
after(() => rmSync(folder, { recursive: true }))

/** A folder with one file of rule tests, in a folder within it. */
function withFile(name: string, text: string): string {
  const dir = join(folder, name)
  mkdirSync(join(dir, 'inner'), { recursive: true })
  writeFileSync(join(dir, 'inner', 'cart.test.yaml'), text)
  return dir
}

const head = `config: ${join(shop, 'beckon.yaml')}\ncases:\n`
const failing = `${head}  - { name: calls, given: [{ type: Support Contacted }], expect: [callback] }
  - { name: calls for nothing, given: [{ type: page }], expect: [callback] }\n`

describe('beckon test', () => {
  it('runs the files of a folder and of those in it, each case a line', async () => {
    const { out, code } = await runInProcess(testCommand(), shop)
    assert.equal(code, 0)
    assert.match(out, /^ok {6}\S+cart\.test\.yaml:4 {2}a cart is remembered/m)
    assert.match(out, /^\d\d passed, 0 failed$/m)
  })

  it('fails with 1 where a case does, and shows it', async () => {
    const { out, code } = await runInProcess(testCommand(), withFile('failing', failing))
    assert.equal(code, 1)
    assert.match(out, /^ok .* calls$/m)
    assert.match(out, /^not ok .*cart\.test\.yaml:4 {2}calls for nothing\n {8}after page at 2026-01-01 10:00:00\n/m)
    assert.match(out, /^1 passed, 1 failed$/m)
  })

  it('prints a JSON line a case and one of totals', async () => {
    const { out, code } = await runInProcess(testCommand(), withFile('json', failing), '--json')
    const [first, second, totals] = out.split('\n').map((line) => JSON.parse(line))
    assert.equal(code, 1)
    assert.equal(first.ok, true)
    assert.deepEqual([second.name, second.line, second.ok], ['calls for nothing', 4, false])
    assert.deepEqual(second.mismatches[0].differences[0].expected, ['callback'])
    assert.deepEqual(totals, { summary: true, files: 1, passed: 1, failed: 1 })
  })

  it('ends with 2 and all faults where a file is bad, and runs nothing', async () => {
    const bad = `${head}  - { name: a, given: [{ type: a, at: soon }], expect: [] }\n  - { name: b, given: [] }\n`
    const { out, err, code } = await runInProcess(testCommand(), withFile('bad', bad))
    assert.deepEqual([out, code], ['', 2])
    assert.match(err, /cart\.test\.yaml:3:\d+: .*\n.*cart\.test\.yaml:4:\d+: .*\n2 faults$/)
  })

  it('is no success where there is nothing to test', async () => {
    mkdirSync(join(folder, 'empty'))
    const empty = await runInProcess(testCommand(), join(folder, 'empty'))
    assert.equal(empty.code, 1)
    assert.match(empty.err, /nothing was tested/)
    assert.equal((await runInProcess(testCommand(), join(folder, 'none'))).code, 2)
  })
})
