import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack, stopStack } from '../../src/tools/stack/stack.ts'

/**
 * `npm run crossings -- --json --events N --customers N --seconds N`: see docs/timers.md. On servers of its own, or on those
 * of BECKON_TEST_KAFKA and BECKON_TEST_CLICKHOUSE. Exit code 1 where a crossing is missed, false or late.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: '1000000' },
    customers: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '0' },
  },
})
const say = (line: string) => console.error(`crossings: ${line}`)
const { BECKON_TEST_KAFKA: kafka, BECKON_TEST_CLICKHOUSE: clickhouse } = process.env
const folder = mkdtempSync(join(tmpdir(), 'beckon-crossings-'))
const dir = join(folder, 'stack')
const own = kafka === undefined || clickhouse === undefined
try {
  if (own) {
    const servers = await startStack({ dir, ports: { kafka: 0, clickhouse: 0 }, onStep: say })
    process.env['BECKON_TEST_KAFKA'] = servers.kafka
    process.env['BECKON_TEST_CLICKHOUSE'] = servers.clickhouse
  }
  // It reads these when it is loaded.
  const { World } = await import('../harness.ts')
  const { playCrossings } = await import('./play.ts')
  const world = await World.open()
  try {
    const report = await playCrossings(world, {
      events: Number(values.events),
      customers: Number(values.customers),
      seconds: Number(values.seconds),
      warmSeconds: 10,
      seed: Number(values.seed),
      kills: Number(values.kills),
      say,
    })
    if (values.json) console.log(JSON.stringify(report))
    else for (const [name, value] of Object.entries(report)) console.log(`${name}: ${JSON.stringify(value)}`)
    if (report.missed + report.false + report.late_over_1s > 0) process.exitCode = 1
  } finally {
    await world.close()
  }
} finally {
  if (own) await stopStack({ dir, wipe: true })
  rmSync(folder, { recursive: true, force: true })
}
