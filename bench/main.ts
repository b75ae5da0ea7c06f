import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack, stopStack } from '../src/stack/stack.ts'
import { createReport } from './report.ts'
import { benchService } from './service.bench.ts'

/** `npm run bench -- --json --events N --rounds N`: medians of one run, on servers of its own. */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
  },
})
const report = createReport(values.json)
const folder = mkdtempSync(join(tmpdir(), 'beckon-bench-'))
const dir = join(folder, 'stack')
try {
  const { kafka, clickhouse } = await startStack({ dir, ports: { kafka: 0, clickhouse: 0 }, onStep: report.say })
  await benchService(
    { kafka, clickhouse, folder, events: Number(values.events), rounds: Number(values.rounds) },
    report,
  )
} finally {
  await stopStack({ dir, wipe: true })
  rmSync(folder, { recursive: true, force: true })
}
