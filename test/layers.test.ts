import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Lints files of those names and contents under the project's rules, in a folder of their own. */
function lint(files: Readonly<Record<string, string>>): { status: number | null; out: string } {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-layers-'))
  try {
    const rules = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as Record<string, unknown>
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...rules, $schema: undefined, vcs: undefined }))
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
    const { status, stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', '--max-diagnostics=none', '.'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { status, out: stdout + stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const rooms = [
  'src',
  'src/decide',
  'src/features/aggregates',
  'src/enrich',
  'src/ingest',
  'src/timers',
  'src/expressions',
  'src/sql',
  'src/emit',
  'src/changes',
]
const forbidden = [
  "import { Kafka } from 'kafkajs'\nconsole.log(Kafka)\n",
  "import { createClient } from '@clickhouse/client'\nconsole.log(createClient)\n",
  "import { readFileSync } from 'node:fs'\nconsole.log(readFileSync)\n",
  "import { openKafkaLog } from '../log/kafka/kafka-log.ts'\nconsole.log(openKafkaLog)\n",
  "import type { Metrics } from '../ops/metrics.ts'\nexport type M = Metrics\n",
  'export const now = () => Date.now()\n',
  "export const home = process.env['HOME']\n",
  "export const get = () => fetch('http://localhost')\n",
]

test('the lint refuses what the pure core must not know, in every room of it', () => {
  for (const [i, content] of forbidden.entries()) {
    const names = rooms.map((room) => (room === 'src' ? 'src/pipeline.ts' : `${room}/planted.ts`))
    const { status, out } = lint(Object.fromEntries(names.map((name) => [name, content])))
    assert.notEqual(status, 0)
    assert.match(out, /the pure core/)
    for (const name of names) assert(out.includes(`${name}:`), `${name} may contain number ${i}: ${content}`)
  }
})

test('the same is allowed where it belongs', () => {
  const content = "import { Kafka } from 'kafkajs'\n\nconsole.log(Kafka, Date.now())\n"
  const { status, out } = lint({ 'src/log/kafka/planted.ts': content })
  assert.equal(status, 0, out)
})
