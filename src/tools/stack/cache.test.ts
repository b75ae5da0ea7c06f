import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { cacheFolder } from '../../user-cache.ts'
import { fetchOnce } from './cache.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-cache-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the cache', () => {
  it("lies in BECKON_CACHE, else in the user's cache, else in the home folder", () => {
    assert.equal(cacheFolder({ BECKON_CACHE: '/own', XDG_CACHE_HOME: '/user' }), '/own')
    assert.equal(cacheFolder({ BECKON_CACHE: '', XDG_CACHE_HOME: '/user' }), join('/user', 'beckon'))
    assert.equal(cacheFolder({}), join(homedir(), '.cache', 'beckon'))
  })

  it('never takes an interrupted download for a whole one, and downloads a whole one once', async () => {
    const path = join(folder, 'thing-1.0')
    const interrupted = fetchOnce(path, async (partial) => {
      writeFileSync(join(partial, 'half'), '')
      throw new Error('the line went dead')
    })
    await assert.rejects(interrupted, { message: 'the line went dead' })
    assert.equal(existsSync(path), false)

    let downloads = 0
    const download = async (partial: string) => {
      downloads++
      writeFileSync(join(partial, 'whole'), '')
    }
    await fetchOnce(path, download)
    await fetchOnce(path, download)
    assert.equal(downloads, 1)
    assert.deepEqual(readdirSync(folder), ['thing-1.0'])
    assert.deepEqual(readdirSync(path), ['whole'])
  })

  it('keeps the first of two downloads at once', async () => {
    const path = join(folder, 'thing-2.0')
    const download = (name: string) => (partial: string) => Promise.resolve(writeFileSync(join(partial, name), ''))
    await Promise.all([fetchOnce(path, download('a')), fetchOnce(path, download('b'))])
    assert.deepEqual(readdirSync(path), ['a'])
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('partial')),
      [],
    )
  })
})
