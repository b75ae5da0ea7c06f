import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkCommand } from './check.ts'
import { runInProcess } from './test-setup.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-check-'))
after(() => rmSync(folder, { recursive: true }))

test('what is probably not meant is told with its place, and is no fault', async () => {
  const file = join(folder, 'beckon.yaml')
  writeFileSync(
    file,
    `kafka: { brokers: ["localhost:9092"] }
clickhouse: { url: "http://localhost:8123" }
topics:
  - name: clicks
    format: json
    mapping: { customer: uid, type: what, time: at, types: { buy: purchas } }
features:
  - { name: bought, count: {}, where: type == "purchase", window: lifetime }
`,
  )
  const message = 'no rule names the type purchas; did you mean purchase?'
  const { out, code } = await runInProcess(checkCommand(), '-c', file)
  assert.equal(code, 0)
  assert.match(out, /^ok: 1 topics/)
  assert.equal(out.split('\n')[1], `hint: ${file}:6:67: topics.0.mapping.types.buy: ${message}`)
  const other = await runInProcess(checkCommand(), '-c', file, '--against', 'runing')
  assert.equal(other.code, 2)
  assert.match(other.err, /^runing: no such file; --against takes a file, or the word running .*\n1 fault$/)
  const { ok, faults, hints } = JSON.parse((await runInProcess(checkCommand(), '-c', file, '--json')).out)
  assert.deepEqual([ok, faults, hints.length, hints[0].line, hints[0].message], [true, [], 1, 6, message])
})
