import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
    cpSync(join(root, 'bin/no-chance.grit'), join(folder, 'bin/no-chance.grit'))
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
  'src/decide/gates',
  'src/features/aggregates',
  'src/enrich',
  'src/consent',
  'src/ingest',
  'src/timers',
  'src/expressions',
  'src/sql',
  'src/emit',
  'src/store',
  'src/journal',
  'src/profiles',
  'src/tools/changes',
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
  'export const since = () => performance.now()\n',
  'export const chance = () => Math.random()\n',
  "import { randomUUID } from 'node:crypto'\nexport const id = () => randomUUID()\n",
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

/** What `bin/rooms.js --check` says of a tree that holds the project's figure, and these files as all of `src`. */
function checkRooms(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-rooms-'))
  try {
    cpSync(join(root, 'CONTRIBUTING.md'), join(folder, 'CONTRIBUTING.md'))
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    const { stderr } = spawnSync(process.execPath, [join(root, 'bin/rooms.js'), '--check', folder], {
      encoding: 'utf8',
    })
    return stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('an import that goes up or sideways, an unknown room, a client outside its rooms and an old figure are refused', () => {
  const seen = checkRooms({
    'src/features/a.ts': "import { decide } from '../decide/decide.ts'\nimport { x } from './b.ts'\n",
    'src/sql/b.ts': "\nimport { dueMs } from '../timers/timer.ts'\n",
    'src/helpers/c.ts': "import { Event } from '../events/event.ts'\n",
    'src/task/d.ts': "import { Kafka } from 'kafkajs'\nimport type { Log } from '../log/log.ts'\n",
    'src/task/g.ts':
      "import x from 'kafkajs/src/x.js'\nimport y from '@clickhouse/client/y'\nimport z from 'kafkajs-snappy'\n",
    'src/log/kafka/e.ts': "import { Kafka } from 'kafkajs'\nimport x from 'kafkajs/src/x.js'\n",
    'src/events/f.test.ts': "import { decide } from '../decide/decide.ts'\n",
  })
  assert.deepEqual(
    seen
      .trim()
      .split('\n')
      .map((line) => line.split(' CONTRIBUTING')[0]!.replace(/^.*CONTRIBUTING/, 'CONTRIBUTING')),
    [
      'src/task/d.ts:1: kafkajs is known in its own rooms alone',
      'src/task/g.ts:1: kafkajs/src/x.js is known in its own rooms alone',
      'src/task/g.ts:2: @clickhouse/client/y is known in its own rooms alone',
      'src/features/a.ts:1: features may not use decide, which is not below it',
      'src/helpers/c.ts:1: the room helpers is not in the list of bin/rooms.js',
      'src/sql/b.ts:2: sql may not use timers, which is not below it',
      'CONTRIBUTING.md: the figure is not that of the imports; node bin/rooms.js makes it',
    ],
  )
})
