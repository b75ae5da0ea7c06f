import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { broker } from '../../src/tools/stack/kafka/broker.ts'
import { freePort } from '../../src/tools/stack/ports.ts'
import { endProcess, isRunning, launchDetached, logTail } from '../../src/tools/stack/process.ts'
import { startPart, startStack, stopPart } from '../../src/tools/stack/stack.ts'

/** A Kafka that asks who one is and allows what its access control list says, and a ClickHouse with users beside its own. */

export interface SecuredKafka {
  /** Where users log in. */
  readonly address: string
  /** Where nobody logs in and all may do everything. */
  readonly adminAddress: string
  stop(): Promise<void>
}

/** @param passwords by user */
export async function startSecuredKafka(
  folder: string,
  passwords: Readonly<Record<string, string>>,
): Promise<SecuredKafka> {
  const part = broker(0, 1)
  const [port, ownPort] = [await freePort(), await freePort()]
  mkdirSync(folder)
  const launch = await part.prepare(folder, port, () => {})
  const file = join(folder, 'server.properties')
  const usual = readFileSync(file, 'utf8')
  const listenersOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(usual)![1]
  const own = `SASL_PLAINTEXT://127.0.0.1:${ownPort}`
  const users = Object.entries(passwords).map(([user, password]) => `user_${user}="${password}"`)
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required ${users.join(' ')};`
  const secured = {
    listeners: `${own},${listenersOf('listeners')}`,
    'advertised.listeners': `${own},${listenersOf('advertised.listeners')}`,
    'listener.security.protocol.map': 'SASL_PLAINTEXT:SASL_PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': login,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  }
  const replaced = usual.split('\n').filter((line) => !(line.split('=')[0]! in secured))
  const lines = Object.entries(secured).map(([name, value]) => `${name}=${value}`)
  writeFileSync(file, [...replaced, ...lines, ''].join('\n'))
  const record = await launchDetached(folder, port, launch)
  while ((await part.probe(port, folder).catch(() => undefined)) === undefined) {
    if (!isRunning(record)) throw new Error(`Kafka ended while starting:\n${logTail(folder, 12)}`)
    await sleep(50)
  }
  return {
    address: `127.0.0.1:${ownPort}`,
    adminAddress: `127.0.0.1:${port}`,
    stop: () => endProcess(record, 20_000),
  }
}

/** @param users a file of `users.d` @returns the URL */
export async function startClickHouseWith(dir: string, users: string): Promise<string> {
  const { clickhouse } = await startStack({ dir, ports: { clickhouse: 0 } })
  await stopPart({ dir, part: 'clickhouse' })
  for (const [folder, name, text] of [
    ['users.d', 'documented.xml', users],
    // As the configuration that comes with the server has it.
    ['config.d', 'strict.xml', strict],
  ] as const) {
    mkdirSync(join(dir, 'clickhouse', folder))
    writeFileSync(join(dir, 'clickhouse', folder, name), text)
  }
  await startPart({ dir, part: 'clickhouse' })
  return clickhouse
}

const strict = `<clickhouse><access_control_improvements>
  <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
  <table_engines_require_grant>true</table_engines_require_grant>
</access_control_improvements></clickhouse>`
