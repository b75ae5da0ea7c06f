/** Shared by the tests of commands that talk to a real Kafka and ClickHouse. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import kafkajs from 'kafkajs'
import { connectClickHouse } from '../store/clickhouse/client.ts'
import { testOptions } from '../store/clickhouse/test-database.ts'
import { explainError } from './exit.ts'

const kafka = process.env['BECKON_TEST_KAFKA']
const clickhouse = process.env['BECKON_TEST_CLICKHOUSE']
const missing = kafka === undefined || clickhouse === undefined
/** Why the tests are skipped; false to run them. In CI they always run: it must have both servers. */
export const skip =
  missing && process.env['CI'] === undefined && 'BECKON_TEST_KAFKA or BECKON_TEST_CLICKHOUSE is not set'

export interface Setup {
  readonly configFile: string
  readonly kafka: string
  /** The prefix of all topics; also the name of the group and the database. */
  readonly name: string
  /** Writes the configuration again, as JSON, which is also YAML; these sections replace the default ones. */
  configure(sections: Readonly<Record<string, unknown>>): void
  drop(): Promise<void>
}

/** A fresh configuration, whose topics and tables do not exist yet. */
export function createSetup(): Setup {
  const name = `cli_${randomBytes(5).toString('hex')}`
  const folder = mkdtempSync(join(tmpdir(), 'beckon-cli-'))
  const configFile = join(folder, 'beckon.yaml')
  const standard = {
    kafka: { brokers: [kafka], group: name },
    clickhouse: { ...testOptions(), database: name },
    topics: [
      { name: `${name}.clicks`, format: 'json' },
      { name: `${name}.orders`, format: 'json' },
    ],
    output: {
      actions: `${name}.actions`,
      dead_letters: `${name}.dead`,
      journal: `${name}.journal`,
      rules: `${name}.rules`,
    },
    ops: { port: 20_000 + (randomBytes(2).readUInt16BE() % 10_000) },
    features: [{ name: 'views', count: {}, window: 'lifetime' }],
    actions: [{ name: 'hello', when: 'views > 3' }],
  }
  const configure = (sections: Readonly<Record<string, unknown>>) =>
    writeFileSync(configFile, JSON.stringify({ ...standard, ...sections }))
  configure({})
  return {
    configFile,
    kafka: kafka!,
    name,
    configure,
    async drop() {
      const client = new kafkajs.Kafka({ brokers: [kafka!], logLevel: kafkajs.logLevel.NOTHING })
      const admin = client.admin()
      await admin.connect()
      await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(name)) })
      await admin.disconnect()
      const server = connectClickHouse({ ...testOptions(), database: 'default' })
      const query = 'DROP DATABASE IF EXISTS {name:Identifier} SYNC'
      await server.command({ query, query_params: { name } })
      await server.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export interface Outcome {
  readonly out: string
  /** The error as `main` would print it. */
  readonly err: string
  readonly code: number
}

/** Runs a command as `main` does, in this process. */
export async function runInProcess(command: Command, ...args: string[]): Promise<Outcome> {
  const lines: string[] = []
  const { log } = console
  console.log = (line: string) => void lines.push(line)
  for (const one of [command, ...command.commands]) one.exitOverride().configureOutput({ writeErr: () => {} })
  try {
    await command.parseAsync(args, { from: 'user' })
    return { out: lines.join('\n'), err: '', code: Number(process.exitCode ?? 0) }
  } catch (error) {
    const { message, code } = explainError(error)
    return { out: lines.join('\n'), err: message, code }
  } finally {
    console.log = log
    process.exitCode = undefined
  }
}
