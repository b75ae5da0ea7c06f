import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { describe, it, mock } from 'node:test'
import { openProgress } from './progress.ts'

/** What is written when an update comes every second, for 12 s. */
function written(isTTY: boolean, silent: boolean, share: (second: number) => number | undefined): string[] {
  const texts: string[] = []
  const stderr = { isTTY, write: (text: string) => texts.push(text) > 0 } as unknown as NodeJS.WritableStream & {
    isTTY: boolean
  }
  let nowMs = 1000
  const clock = mock.method(performance, 'now', () => nowMs)
  const progress = openProgress(stderr, silent)
  for (let second = 1; second <= 12; second++) {
    nowMs += 1000
    progress.update(second * 5000, share(second))
  }
  assert.equal(progress.end(), 12)
  clock.mock.restore()
  return texts
}

describe('the progress of a replay', () => {
  it('is a line in place on a terminal, which is gone in the end', () => {
    const texts = written(true, false, (second) => second / 12)
    assert.equal(texts.length, 13)
    assert.equal(texts[5], `\r${'█'.repeat(12)}${'░'.repeat(12)}  50 %  30,000 lines  5,000/s\u001b[K`)
    assert.equal(texts[12], '\r\u001b[K')
  })

  it('is a plain line every 5 s elsewhere, without a share where the size is not known', () => {
    assert.deepEqual(
      written(false, false, () => undefined),
      ['25,000 lines  5,000/s\n', '50,000 lines  5,000/s\n'],
    )
  })

  it('is nothing when nothing is wanted', () => {
    assert.deepEqual(
      written(true, true, () => 0.5),
      [],
    )
  })
})
