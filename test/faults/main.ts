import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changes } from './changes.ts'
import { faultsOf, runChaos } from './chaos.ts'
import { modes } from './config.ts'

/** `npm run faults -- --json --brokers 3 --seconds 240 --seed N`: see docs/faults.md. */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '600' },
    brokers: { type: 'string', default: '1' },
    mode: { type: 'string', default: 'partition' },
    settings: { type: 'string' },
    clocks: { type: 'boolean', default: false },
    grow: { type: 'boolean', default: false },
    recreate: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const mode = modes.find((name) => name === values.mode)
const change = changes.find((name) => values[name as keyof typeof values])
if (mode === undefined) throw new Error(`--mode is one of ${modes.join(', ')}`)
const folder = mkdtempSync(join(tmpdir(), 'beckon-faults-'))
const say = (line: string) => console.error(`beckon: ${line}`)
const seconds = Number(values.seconds)
const brokers = values.brokers === '3' ? 3 : 1
try {
  const report = await runChaos({
    seed: Number(values.seed),
    seconds,
    rate: Number(values.rate),
    workers: 3,
    ...(brokers === 1 ? { roundSeconds: 16, kills: 4 } : { roundSeconds: 32, kills: 2 }),
    freezes: 1,
    brokers,
    brokerEnds: Math.floor(seconds / 18),
    clickhouseAwaySeconds: seconds / 4,
    mode,
    change: change ?? 'none',
    folder,
    say,
  })
  if (values.json) console.log(JSON.stringify(report))
  else for (const [name, value] of Object.entries(report)) console.log(`${name}: ${value}`)
  const faults = Object.values(faultsOf(report)).reduce((sum, count) => sum + count, 0)
  if (faults > 0) process.exitCode = 1
} finally {
  if (values.keep) say(`the workers' logs are in ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
}
