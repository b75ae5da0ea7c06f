// Runs the compiled tests against a real Kafka, ClickHouse and Schema Registry, which it brings up on free ports in a
// temporary folder and removes in every case. Arguments select test files by a part of their path.
// With BECKON_TEST_KAFKA (host:port) and BECKON_TEST_CLICKHOUSE (URL) set it uses those and starts nothing.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missingTools, startStack, stopStack } from '../dist/src/tools/stack/stack.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const given = (name) => Boolean(process.env[name])
const say = (line) => console.error(`beckon: ${line}`)

const wanted = process.argv.slice(2).filter((argument) => argument !== '--')
/** Three brokers, workers and ClickHouse want the machine for themselves: run when all others have ended. */
const alone = 'test/faults/brokers.int.test.js'
const isWanted = (path) => wanted.length === 0 || wanted.some((part) => path.includes(part))
const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.js') && isWanted(path))
  .sort()
if (files.length === 0) {
  say(`no test file has ${wanted.join(' or ')} in its path.`)
  process.exit(2)
}

// A signal only ends the runner, or keeps it from starting; the servers are removed below.
let runner
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true
    runner?.kill('SIGTERM')
  })
}

const needsServers = files.some((path) => path.endsWith('.int.test.js') || path.startsWith('test'))
const useGiven = given('BECKON_TEST_KAFKA') && given('BECKON_TEST_CLICKHOUSE')
const folder = mkdtempSync(join(tmpdir(), 'beckon-test-'))
let status = 1
try {
  const addresses = needsServers && !useGiven ? await startServers() : {}
  const parts = [files.filter((path) => path !== alone), files.filter((path) => path === alone)]
  const ended = []
  for (const part of parts) if (part.length > 0 && !interrupted) ended.push(await runTests(part, addresses))
  for (const { failures } of ended) process.stderr.write(failures)
  status = Math.max(...ended.map(({ code }) => code))
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
} finally {
  // The servers go first: a broker that still removes topics would take folders from under the search for the stacks of
  // tests that were interrupted, whose temporary folders lie in this one too.
  await Promise.all(['servers', 'registry'].map((name) => stopStack({ dir: join(folder, name), wipe: true })))
  const records = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('process.json'),
  )
  const stacks = new Set(records.map((path) => join(folder, dirname(dirname(path)))))
  await Promise.all([...stacks].map((dir) => stopStack({ dir, wipe: true })))
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = interrupted ? 130 : status

/** Starts what can be started, and in CI all of it, and returns the addresses as the tests read them. */
async function startServers() {
  const { jdk, maven } = missingTools()
  const withKafka = given('CI') || !(jdk || maven)
  if (!withKafka) say('without Java 17 and Maven there is no Kafka: the tests that need it are skipped.')
  const withRegistry = withKafka && !given('BECKON_TEST_REGISTRY')
  const ports = { clickhouse: 0, ...(withKafka && { kafka: 0 }) }
  // The registry has a folder of its own, so that its failure leaves the others as they are.
  const [servers, registry] = await Promise.allSettled([
    startStack({ dir: join(folder, 'servers'), ports, onStep: say }),
    withRegistry ? startStack({ dir: join(folder, 'registry'), ports: { registry: 0 }, onStep: say }) : {},
  ])
  if (servers.status === 'rejected') throw servers.reason
  if (registry.status === 'rejected') {
    if (given('CI')) throw registry.reason
    say(`no registry, so the tests that need one are skipped: ${registry.reason.message}`)
  }
  const addresses = { ...servers.value, ...registry.value }
  const named = Object.entries(addresses).map(([name, address]) => [`BECKON_TEST_${name.toUpperCase()}`, address])
  return Object.fromEntries(named)
}

/** Runs the test files, two at once, and resolves to the runner's exit code and what it has to say of failed tests. */
async function runTests(part, addresses) {
  const paths = part.map((path) => relative(process.cwd(), join(root, 'dist', path)))
  const failures = join(folder, 'failures')
  const reporters = [
    [process.stdout.isTTY ? 'spec' : 'tap', 'stdout'],
    [join(root, 'bin/failures.js'), failures],
  ].flatMap(([reporter, to]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${to}`])
  const options = ['--test', '--test-concurrency=2', '--test-force-exit', ...reporters]
  runner = spawn(process.execPath, [...options, ...paths], {
    env: { ...process.env, ...addresses, TMPDIR: folder },
    stdio: 'inherit',
  })
  const code = await new Promise((resolve) => runner.once('close', resolve))
  return { code: code ?? 1, failures: existsSync(failures) ? readFileSync(failures, 'utf8') : '' }
}
