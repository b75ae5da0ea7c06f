import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack, stopStack } from '../src/tools/stack/stack.ts'
import { benchBounds } from './bounds.bench.ts'
import { benchDecisions } from './decisions.bench.ts'
import { benchFeatures } from './features.bench.ts'
import { benchRebalance } from './rebalance.bench.ts'
import { createReport } from './report.ts'
import { benchScale } from './scale.bench.ts'
import { benchService } from './service.bench.ts'

/**
 * `npm run bench -- --json --events N --rounds N`: medians of one run, on servers of its own, with `--baseline FOLDER`
 * beside the service of another checkout; with `--customers N` the run with more customers than memory instead, with `--rebalance` workers that join and leave, with
 * `--features` the pure core alone with 10, 50 and 200 features, with `--decisions` a decision among 200 actions, with `--bounds` customers who have filled all that a feature
 * keeps, `--only PART` for some of these.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    baseline: { type: 'string' },
    customers: { type: 'string' },
    rebalance: { type: 'boolean', default: false },
    features: { type: 'boolean', default: false },
    decisions: { type: 'boolean', default: false },
    bounds: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const report = createReport(values.json)
const events = Number(values.events)
const rounds = Number(values.rounds)
const folder = mkdtempSync(join(tmpdir(), 'beckon-bench-'))
try {
  if (values.bounds) benchBounds(folder, Math.min(events, 5_000), rounds, values.only, report)
  else if (values.decisions) benchDecisions(folder, report)
  else if (values.features) benchFeatures(folder, events, rounds, report)
  else await withServers()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function withServers(): Promise<void> {
  const dir = join(folder, 'stack')
  try {
    const servers = await startStack({ dir, ports: { kafka: 0, clickhouse: 0 }, onStep: report.say })
    const place = { ...servers, folder }
    if (values.rebalance) await benchRebalance(place, report)
    else if (values.customers !== undefined) await benchScale(place, Number(values.customers), report)
    else await benchService(place, events, rounds, values.baseline, report)
  } finally {
    await stopStack({ dir, wipe: true })
  }
}
