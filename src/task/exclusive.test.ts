import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Exclusive } from './exclusive.ts'
import { ownTurn } from './patience.ts'

describe('work that excludes other work', () => {
  const turn = ownTurn(() => true)

  it('is done one piece after the other, even if one fails', async () => {
    const work = new Exclusive()
    const told: string[] = []
    const piece = (name: string) => async () => {
      told.push(`${name} begins`)
      await new Promise(setImmediate)
      told.push(`${name} ends`)
      if (name === 'b') throw new Error(name)
    }
    const all = [work.run(piece('a')), work.run(piece('b')), work.run(piece('c'), turn)]
    assert.deepEqual(
      (await Promise.allSettled(all)).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(
      told,
      ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    )
    assert.equal(work.underWay, undefined)
  })

  it('is not begun if its turn ends while it waits', async () => {
    const work = new Exclusive()
    let isCurrent = true
    const first = work.run(async () => {
      await new Promise(setImmediate)
      isCurrent = false
    })
    const late = work.run(
      async () => assert.fail('begun'),
      ownTurn(() => isCurrent),
    )
    await first
    await late
  })

  it('runs an errand between two slices, during which no snapshot may be taken, and tells whoever left it of its end', async () => {
    const work = new Exclusive()
    const left = work.between(async () => work.inSlice)
    assert(work.hasErrand)
    await work.runErrand(turn)
    assert.deepEqual([await left, work.inSlice, work.hasErrand], [true, false, false])

    const failing = work.between(async () => assert.fail('no'))
    await assert.rejects(work.runErrand(turn), /no/)
    await assert.rejects(failing, /no/)

    const dropped = work.between(async () => 1)
    work.dropErrand()
    await assert.rejects(dropped, /closed before/)
    assert.equal(work.hasErrand, false)
  })
})
