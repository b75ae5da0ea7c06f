import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { birthOf, endProcess, isRunning, launchDetached, logTail, ownIdentity, readRecord } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-process-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const node = (script: string) => ({ command: process.execPath, args: ['-e', script], env: {} })

describe('a recorded process', () => {
  it('is found again by its record, and ends when asked', async () => {
    const record = await launchDetached(folder, 1234, node('setInterval(() => {}, 1000)'))
    assert.deepEqual(readRecord(folder), record)
    assert.equal(record.port, 1234)
    assert.ok(isRunning(record))
    await endProcess(record, 5_000)
    assert.equal(isRunning(record), false)
    assert.equal(birthOf(record.pid), undefined)
  })

  it('is killed where it ignores the request to end', async () => {
    const script = `process.on('SIGTERM', () => console.log('no')); console.log('ready'); setInterval(() => {}, 1000)`
    const record = await launchDetached(folder, 1, node(script))
    while (!logTail(folder, 1).endsWith('ready')) await new Promise((resolve) => setTimeout(resolve, 10))
    await endProcess(record, 200)
    assert.equal(isRunning(record), false)
    assert.equal(logTail(folder, 1), 'no')
  })

  it('is never signalled when its pid belongs to another process by now', async () => {
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    await once(stranger, 'spawn')
    const recycled = { pid: stranger.pid ?? 0, birth: 'before the last boot 1' }
    assert.equal(isRunning(recycled), false)
    await endProcess(recycled, 0)
    assert.equal(stranger.signalCode, null)
    assert.notEqual(birthOf(recycled.pid), undefined)
    stranger.kill()
    await once(stranger, 'close')
  })

  it('is none where the record is torn or of another shape', () => {
    for (const text of ['', '{"pid":', '{"pid":-1,"birth":"x","port":1}', '{"pid":"1","birth":"x","port":1}']) {
      writeFileSync(join(folder, 'process.json'), text)
      assert.equal(readRecord(folder), undefined)
    }
  })

  it('names the program where it cannot be started', async () => {
    const launch = { command: '/no/such/program', args: [], env: {} }
    await assert.rejects(launchDetached(folder, 1, launch), { name: 'StackError', message: /\/no\/such\/program/ })
  })
})

it('knows this very process, and none of a pid that is not taken', () => {
  assert.ok(isRunning(ownIdentity()))
  assert.equal(birthOf(2 ** 30), undefined)
})
