import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
import { freePort } from '../../src/tools/stack/ports.ts'
import { missingTools, stopStack } from '../../src/tools/stack/stack.ts'
import { Service, until } from '../harness.ts'
import { acls, clickhouseUsers, commands, kafkaUserOf } from './documented.ts'
import { type SecuredKafka, startClickHouseWith, startSecuredKafka } from './servers.ts'

const missing = Object.values(missingTools()).includes(true) && !process.env['CI']
const skip = missing && 'needs Java 17, Maven and the chdb package'

const program = fileURLToPath(new URL('../../../bin/beckon.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'beckon-rights-'))
const store = join(folder, 'store')
const password = randomBytes(9).toString('hex')
let kafka: SecuredKafka | undefined
let service: Service | undefined
after(async () => {
  await service?.kill()
  await kafka?.stop()
  await stopStack({ dir: store, wipe: true })
  rmSync(folder, { recursive: true, force: true })
})

const input = 'shop.events'
const output = { actions: 'shop.actions', dead_letters: 'shop.dead', journal: 'shop.journal', rules: 'shop.rules' }
const names = {
  group: 'shop',
  topics: {
    input: [input],
    actions: [output.actions],
    'dead letters': [output.dead_letters],
    journal: [output.journal],
    rules: [output.rules],
  },
}

it('suffice as they are documented, for the service and for each command', { skip }, async () => {
  const users = commands().map((command) => [kafkaUserOf(command), password])
  kafka = await startSecuredKafka(join(folder, 'kafka'), Object.fromEntries(users))
  const url = await startClickHouseWith(store, clickhouseUsers(password))
  const client = new kafkajs.Kafka({ brokers: [kafka.adminAddress], logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  await admin.createAcls({ acl: acls(names) })

  const opsPort = await freePort()
  /** A configuration for a command's user of Kafka and one of ClickHouse. */
  const configOf = (command: string, username: string): string => {
    const file = join(folder, `${kafkaUserOf(command)}-${username}.yaml`)
    const sasl = { mechanism: 'plain', username: kafkaUserOf(command), password }
    const config = {
      kafka: { brokers: [kafka!.address], group: names.group, sasl },
      clickhouse: { url, database: 'beckon', username, password },
      topics: [{ name: input, format: 'json', key: 'customer', tombstones: 'erase' }],
      output,
      ops: { port: opsPort },
      features: [{ name: 'views', count: {}, window: 'lifetime' }],
      actions: [{ name: 'hello', when: 'views > 1' }],
    }
    writeFileSync(file, JSON.stringify(config))
    return file
  }

  await beckon('migrate', '--topics', '--partitions', '2', '-c', configOf('migrate --topics', 'beckon_migrator'))

  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const timestamp = new Date().toISOString()
  const view = (id: string) => ({
    key: 'ada',
    value: JSON.stringify({ messageId: id, userId: 'ada', event: 'view', timestamp }),
  })
  await producer.send({ topic: input, messages: [view('1'), view('2'), { key: 'ada', value: 'no event' }] })
  await producer.disconnect()
  await admin.disconnect()

  service = new Service(configOf('run', 'beckon_writer'), opsPort)
  await service.logged('started')
  await until('an action and a dead letter are published', async () => {
    const [actions, letters] = [
      await service!.metric('beckon_actions_total'),
      await service!.metric('beckon_dead_letters_total'),
    ]
    return actions === 1 && letters === 1
  })
  const asReader = configOf('run', 'beckon_reader')
  let told = ''
  const isStored = async () => {
    const { code, output } = await run('profile', 'ada', '-c', asReader)
    told = output
    return code === 0
  }
  await until('the profile is stored', isStored, () => told)

  const findings = JSON.parse(await beckon('doctor', '--json', '-c', configOf('doctor', 'beckon_writer'))) as {
    readonly check: string
    readonly status: string
    readonly detail: string
  }[]
  // What it may not ask is skipped or told; these are not configured.
  const unasked = findings.filter(({ status }) => status === 'skip').map(({ check }) => check)
  assert.deepEqual(unasked, ['geo', 'registry', 'schemas'])
  for (const { check, detail } of findings) assert.doesNotMatch(detail, /may not|refused/, check)

  for (const command of ['parity', 'backfill']) await beckon(command, '-c', asReader)
  await beckon('features', '--as-of', new Date().toISOString(), '-c', asReader)
  await beckon('check', '--against', 'running', '-c', asReader)

  assert.match(await beckon('deploy', '-c', configOf('deploy', 'beckon_reader')), /deployed policy/)
  const { rules } = JSON.parse((await service.get('/readyz')).text) as { rules: object }
  assert.ok(!('not_current' in rules), 'the service may read the topic of rules')
  assert.match(await beckon('explain', 'ada', '-c', configOf('explain', 'beckon_reader')), /^ada got hello/)
  assert.match(await beckon('coverage', '-c', asReader), /decisions on events are stored/)
  assert.match(await beckon('events', '-c', configOf('events', 'beckon_reader')), /view/)
  assert.match(await beckon('dlq', 'list', '-c', configOf('dlq list', 'beckon_reader')), /shop\.events/)
  assert.match(await beckon('dlq', 'redrive', '-c', configOf('dlq redrive', 'beckon_reader')), /^1 redriven/)
  const erased = JSON.parse(await beckon('erase', 'ada', '--json', '-c', configOf('erase', 'beckon_eraser'))) as {
    readonly erased: Readonly<Record<string, number>>
    readonly remaining: readonly { readonly retention_ms: number | null }[]
  }
  assert.equal(erased.erased['profiles'], 1)
  for (const { retention_ms } of erased.remaining) assert.notEqual(retention_ms, null)

  assert.deepEqual(service.faults, [])
  assert.deepEqual(await service.stop(), { code: 0, signal: null })
})

async function run(...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output: code === 0 ? output : `${output}${errors}` }
}

async function beckon(...args: string[]): Promise<string> {
  const { code, output } = await run(...args)
  assert.equal(code, 0, `beckon ${args.join(' ')}:\n${output}`)
  return output
}
