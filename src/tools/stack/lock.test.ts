import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { withLock } from './lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-lock-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const quiet = () => {}

it('lets one work at a time on a folder, and says once that the other waits', async () => {
  const order: string[] = []
  let release = quiet
  const first = withLock(folder, quiet, async () => {
    order.push('first begins')
    await new Promise<void>((resolve) => {
      release = resolve
    })
    order.push('first ends')
  })
  const second = withLock(
    folder,
    (line) => {
      order.push(line.replace(/process.*/, 'the other'))
      release()
    },
    async () => order.push('second'),
  )
  await Promise.all([first, second])
  assert.deepEqual(order, ['first begins', 'waiting for the other', 'first ends', 'second'])
})

it('takes over from a holder that has died, and frees the folder after a failure', async () => {
  for (const left of ['', JSON.stringify({ pid: 2 ** 30, birth: 'x' })]) {
    writeFileSync(join(folder, 'lock'), left)
    const work = withLock(folder, quiet, () => Promise.reject(new Error('of the work')))
    await assert.rejects(work, { message: 'of the work' })
    assert.equal(existsSync(join(folder, 'lock')), false)
  }
})
