import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { advance, isDone, readProgress } from './progress.ts'

const from = (offset: number | null, metadata = '') => readProgress({ offset, metadata }, 10, 100)

describe('how far dead letters were redriven', () => {
  it('starts at the first one kept', () => {
    assert.deepEqual(from(null), { all: 10, byReason: {} })
    assert.equal(from(5).all, 10)
    assert.equal(from(50).all, 50)
  })

  it('starts anew when the topic was created anew', () =>
    assert.deepEqual(from(101, '{"json":7}'), { all: 10, byReason: {} }))

  it('counts a reason by itself, so that the others still come', () => {
    const one = advance(from(20), 'json', 60)
    assert.deepEqual(one, { all: 20, byReason: { json: 60 } })
    assert.deepEqual(
      [59, 60].map((offset) => isDone(one, 'json', offset)),
      [true, false],
    )
    assert.deepEqual(
      [19, 20].map((offset) => isDone(one, 'limit', offset)),
      [true, false],
    )
  })

  it('knows no reason that only JavaScript has', () => {
    const one = advance(from(20), 'json', 60)
    for (const reason of ['constructor', '__proto__', 'toString']) {
      assert.deepEqual(
        [19, 20].map((offset) => isDone(one, reason, offset)),
        [true, false],
      )
    }
  })

  it('forgets a reason that all have caught up with', () => {
    const all = advance({ all: 20, byReason: { json: 60, limit: 80 } }, undefined, 70)
    assert.deepEqual(all, { all: 70, byReason: { limit: 80 } })
  })
})
