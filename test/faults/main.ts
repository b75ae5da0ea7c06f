import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'

/** `npm run faults -- --json --seconds 240 --seed N`: see docs/faults.md. */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
    mode: { type: 'string', default: 'partition' },
    keep: { type: 'boolean', default: false },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'beckon-faults-'))
const say = (line: string) => console.error(`beckon: ${line}`)
const seconds = Number(values.seconds)
try {
  const report = await runChaos({
    seed: Number(values.seed),
    seconds,
    rate: 600,
    workers: 3,
    roundSeconds: 16,
    kills: 4,
    freezes: 1,
    clickhouseAwaySeconds: seconds / 4,
    mode: values.mode === 'worker' ? 'worker' : 'partition',
    folder,
    say,
  })
  if (values.json) console.log(JSON.stringify(report))
  else for (const [name, value] of Object.entries(report)) console.log(`${name}: ${value}`)
  const { duplicated, missing, unexpected, out_of_order, timers_wrong, profiles_different, events_different } = report
  const different =
    duplicated + missing + unexpected + out_of_order + timers_wrong + profiles_different + events_different
  const faults = different + report.failed + report.stuck
  if (faults > 0 || report.drain_seconds === null) process.exitCode = 1
} finally {
  if (values.keep) say(`the workers' logs are in ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
}
