import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { stackCommand } from './stack.ts'

const dir = mkdtempSync(join(tmpdir(), 'beckon-cli-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** Runs the command, and returns what it wrote to stdout and the code of the usage error that it threw. */
async function run(...args: string[]): Promise<{ out: string; fault: string | undefined }> {
  let out = ''
  const write = process.stdout.write
  process.stdout.write = (chunk: string | Uint8Array) => {
    out += chunk.toString()
    return true
  }
  try {
    const command = stackCommand()
    for (const sub of command.commands) sub.configureOutput({ writeErr: () => {} })
    await command.parseAsync(args, { from: 'user' })
    return { out, fault: undefined }
  } catch (error) {
    return { out, fault: (error as { code?: string }).code }
  } finally {
    process.stdout.write = write
  }
}

describe('beckon stack', () => {
  it('lists every part as down where nothing was started', async () => {
    const { out } = await run('status', '--dir', join(dir, 'none'))
    assert.deepEqual(
      out.split('\n').map((line) => line.split(/\s+/).slice(0, 2).join(' ')),
      ['kafka down', 'clickhouse down', 'registry down', ''],
    )
  })

  it('prints one JSON line on request', async () => {
    const { out } = await run('status', '--json', '--dir', join(dir, 'none'))
    const kafka = { part: 'kafka', state: 'down', pid: null, port: null, version: null }
    assert.deepEqual(JSON.parse(out).parts[0], kafka)
    assert.equal((await run('down', '--json', '--dir', join(dir, 'none'))).out, '{"stopped":[],"wiped":false}\n')
  })

  it('refuses what is no port', async () => {
    for (const port of ['0', '65536', '-1', '90x2', '']) {
      assert.equal((await run('up', '--kafka-port', port)).fault, 'commander.invalidArgument', port)
    }
  })

  it('makes a Kafka of one broker or of three', async () => {
    for (const brokers of ['0', '2', '4', 'three']) {
      assert.equal((await run('up', '--brokers', brokers)).fault, 'commander.invalidArgument', brokers)
    }
  })
})
