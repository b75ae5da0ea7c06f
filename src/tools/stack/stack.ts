/**
 * A real Kafka, a real ClickHouse and, on request, a Schema Registry on this machine without Docker. Their processes
 * outlive the caller; everything known about them is in one folder, with a sub-folder for each part.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BrokerCount, portsOf } from './kafka/broker.ts'
import { withLock } from './lock.ts'
import { type OnStep, type Part, type PartName, type ServiceName, serviceNames, type Tool } from './part.ts'
import { brokersIn, claimBrokers, partsOf } from './parts.ts'
import { freePort, isFree, portHolder } from './ports.ts'
import { endProcess, isRunning, launchDetached, logPath, logTail, type ProcessRecord, readRecord } from './process.ts'
import { StackError } from './stack-error.ts'
import { isInstalled, mendOf } from './tools.ts'

/** A cold JVM on a busy machine has been seen to need 20 s. */
const startBoundMs = 90_000
/** Kafka flushes its logs and ClickHouse its tables before they end; both took under a second with little data. */
const stopGraceMs = 20_000

/** First line of the file that marks a folder as a stack's own, and keeps its data out of git. */
const mark = '# The data of a local beckon stack; `beckon stack down --wipe` removes it.'

/** What to bring up, each with its port; Kafka's is the first broker's. */
export type StackPorts = Readonly<Partial<Record<ServiceName, number>>>

/**
 * The addresses of what was asked for: Kafka as host:port, several brokers separated by commas; ClickHouse as a URL; the
 * registry as the URL of its Confluent API.
 */
export type StackAddresses<Ports extends StackPorts> = { [Name in keyof Ports]: string }

export interface PartStatus {
  readonly part: PartName
  readonly state: 'answers' | 'silent' | 'down'
  /** Null if it is down. */
  readonly pid: number | null
  /** The port that it listens on, or had when it ran last; null if it never ran in this folder. */
  readonly port: number | null
  readonly version: string | null
}

/**
 * Brings up what `ports` names, all at once, and resolves to the address of each when it answers. What is up already stays
 * as it is. A port of 0 means the one that the part has or had last, else any free one. `brokers` is how many brokers a new
 * Kafka gets (default 1); an existing Kafka must have as many.
 * Rejects with a StackError that lists all faults; what did come up stays up.
 */
export async function startStack<Ports extends StackPorts>(options: {
  dir: string
  ports: Ports
  brokers?: BrokerCount | undefined
  onStep?: OnStep
}): Promise<StackAddresses<Ports>> {
  const { ports, onStep = () => {} } = options
  const dir = claimFolder(options.dir)
  const services = serviceNames.filter((name) => ports[name] !== undefined)
  return await withLock(dir, onStep, async () => {
    const missing = missingOf(
      partsIn(dir).filter(({ name, service }) => ports[service] !== undefined && !isUp(dir, name)),
    )
    if (missing.length > 0) throw new StackError('failed', missing.map(mendOf).join('\n'))
    const brokers = services.includes('kafka') ? claimBrokers(dir, options.brokers) : (brokersIn(dir) ?? 1)
    const parts = partsOf(brokers).filter(({ service }) => ports[service] !== undefined)
    const firstPorts = new Map<ServiceName, number>()
    for (const service of services) {
      const count = service === 'kafka' ? portsOf(brokers) : 1
      firstPorts.set(service, ports[service] || (readRecord(join(dir, service))?.port ?? (await freePort(count))))
    }
    const starts = parts.map((part) => {
      const siblings = parts.filter(({ service }) => service === part.service)
      return ensureUp(dir, part, firstPorts.get(part.service)! + siblings.indexOf(part), onStep)
    })
    const results = await Promise.allSettled(starts)
    const faults = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    if (faults.length === 1) throw faults[0]
    if (faults.length > 1) throw new StackError('failed', faults.map(messageOf).join('\n'))
    return Object.fromEntries(services.map((service) => [service, addressOf(dir, service)])) as StackAddresses<Ports>
  })
}

/** Starts one part again, with its data and at its old port; resolves to its address when it answers. */
export async function startPart(options: { dir: string; part: PartName }): Promise<string> {
  const dir = resolve(options.dir)
  const part = partsIn(dir).find(({ name }) => name === options.part)
  const port = readRecord(join(dir, options.part))?.port
  if (part === undefined || port === undefined) throw new StackError('usage', `${dir} has no ${options.part}`)
  return await withLock(
    dir,
    () => {},
    async () => {
      await ensureUp(dir, part, port, () => {})
      return part.address(port)
    },
  )
}

/** Kills one part as a crash would (SIGKILL) and resolves when its process is gone. Its data stays. */
export async function killPart(options: { dir: string; part: PartName }): Promise<void> {
  await endPart(options, 0)
}

/** Asks one part to end (SIGTERM) and resolves when its process is gone. Its data stays. */
export async function stopPart(options: { dir: string; part: PartName }): Promise<void> {
  await endPart(options, stopGraceMs)
}

async function endPart({ dir, part }: { dir: string; part: PartName }, graceMs: number): Promise<void> {
  const record = runningRecord(resolve(dir), part)
  if (record !== undefined) await endProcess(record, graceMs)
}

/** Stops all parts in order and resolves to those that were up; with `wipe` it then removes their data. */
export async function stopStack(options: { dir: string; wipe?: boolean; onStep?: OnStep }): Promise<PartName[]> {
  const { wipe = false, onStep = () => {} } = options
  const dir = resolve(options.dir)
  if (!existsSync(dir)) return []
  if (!isOwn(dir)) throw notOwn(dir)
  const stopped = await withLock(dir, onStep, async () => {
    const parts = partsIn(dir)
    const running = parts.filter(({ name }) => isUp(dir, name))
    // Clients of Kafka stop before Kafka: the reverse of the order in which the services are listed.
    for (const service of serviceNames.toReversed()) {
      await Promise.all(
        running
          .filter((part) => part.service === service)
          .map(async ({ name }) => {
            await endPart({ dir, part: name }, stopGraceMs)
            onStep(`${name}: stopped`)
          }),
      )
    }
    if (wipe) for (const { name } of parts) rmSync(join(dir, name), { recursive: true, force: true })
    return running.map(({ name }) => name)
  })
  if (wipe) {
    rmSync(join(dir, '.gitignore'), { force: true })
    if (readdirSync(dir).length === 0) rmdirSync(dir)
    onStep(`wiped ${dir}`)
  }
  return stopped
}

/** What runs in the folder, and whether it answers. */
export async function stackStatus(options: { dir: string }): Promise<PartStatus[]> {
  const dir = resolve(options.dir)
  return await Promise.all(
    partsIn(dir).map(async ({ name, probe }): Promise<PartStatus> => {
      const port = readRecord(join(dir, name))?.port ?? null
      const record = runningRecord(dir, name)
      if (record === undefined) return { part: name, state: 'down', pid: null, port, version: null }
      const version = await probe(record.port, join(dir, name)).catch(() => null)
      return { part: name, state: version === null ? 'silent' : 'answers', pid: record.pid, port, version }
    }),
  )
}

/** Which tools are missing for a first start of these parts. What is downloaded already needs no Maven. */
export function missingTools(names: readonly ServiceName[] = ['kafka', 'clickhouse']): Record<Tool, boolean> {
  const missing = missingOf(partsOf(1).filter(({ service }) => names.includes(service)))
  return { jdk: missing.includes('jdk'), maven: missing.includes('maven'), chdb: missing.includes('chdb') }
}

function missingOf(parts: readonly Part[]): Tool[] {
  const needed = new Set(parts.flatMap((part) => part.needs()))
  return [...needed].filter((tool) => !isInstalled(tool))
}

async function ensureUp(dir: string, part: Part, port: number, onStep: OnStep): Promise<void> {
  const folder = join(dir, part.name)
  const startedMs = performance.now()
  let record = runningRecord(dir, part.name)
  if (record === undefined) {
    for (const taken of part.ports(port)) await refuseTakenPort(part, taken)
    mkdirSync(folder, { recursive: true })
    const launch = await part.prepare(folder, port, onStep)
    onStep(`${part.name}: starting`)
    record = await launchDetached(folder, port, launch)
    await untilItAnswers(part, record, folder)
    onStep(`${part.name}: up at ${part.address(port)} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`)
    return
  }
  if (port !== record.port) {
    const message = `${part.name}: already up at port ${record.port}, not ${port}; run beckon stack down first`
    throw new StackError('failed', message)
  }
  await untilItAnswers(part, record, folder)
  onStep(`${part.name}: already up at ${part.address(record.port)}`)
}

async function untilItAnswers(part: Part, record: ProcessRecord, folder: string): Promise<void> {
  const deadlineMs = performance.now() + startBoundMs
  for (;;) {
    const version = await part.probe(record.port, folder).catch(() => undefined)
    const running = isRunning(record)
    if (version !== undefined && running) return
    const inTime = performance.now() < deadlineMs
    if (!running || !inTime) {
      const what = running ? `does not answer after ${startBoundMs / 1000} s` : 'ended while starting'
      const message = `${part.name}: ${what}; the end of ${logPath(folder)}:\n${logTail(folder, 12)}`
      throw new StackError('failed', message)
    }
    await sleep(50)
  }
}

async function refuseTakenPort({ name, service }: Part, port: number): Promise<void> {
  if (await isFree(port)) return
  const holder = portHolder(port) ?? 'another process'
  const message = `${name}: port ${port} is taken by ${holder}; end it, or take another port with --${service}-port`
  throw new StackError('failed', message)
}

function runningRecord(dir: string, name: PartName): ProcessRecord | undefined {
  const record = readRecord(join(dir, name))
  return record !== undefined && isRunning(record) ? record : undefined
}

function isUp(dir: string, name: PartName): boolean {
  return runningRecord(dir, name) !== undefined
}

const partsIn = (dir: string) => partsOf(brokersIn(dir) ?? 1)

function addressOf(dir: string, service: ServiceName): string {
  const parts = partsIn(dir).filter((part) => part.service === service)
  return parts.map(({ name, address }) => address(readRecord(join(dir, name))?.port ?? 0)).join()
}

/** Makes the folder, or checks that it belongs to a stack, so that `wipe` can never remove anyone else's files. */
function claimFolder(path: string): string {
  const dir = resolve(path)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  if (!isOwn(dir) && readdirSync(dir).length > 0) throw notOwn(dir)
  // Nobody else may read what is stored, nor the password.
  chmodSync(dir, 0o700)
  if (isOwn(dir)) return dir
  writeFileSync(join(dir, '.gitignore'), `${mark}\n*\n`)
  return dir
}

function isOwn(dir: string): boolean {
  const path = join(dir, '.gitignore')
  return existsSync(path) && readFileSync(path, 'utf8').startsWith(mark)
}

function notOwn(dir: string): StackError {
  return new StackError('usage', `${dir} holds files that are not a beckon stack's; take another --dir`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
