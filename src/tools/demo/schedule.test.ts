import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Schedule } from './schedule.ts'

describe('a schedule', () => {
  it('gives what is due first, whatever was added and taken in between', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('take' as const))), (steps) => {
        const schedule = new Schedule<number>()
        const model: number[] = []
        for (const step of steps) {
          if (step !== 'take') {
            schedule.add(step, step)
            model.push(step)
            model.sort((a, b) => a - b)
          } else if (model.length > 0) {
            assert.equal(schedule.nextTime, model[0])
            assert.equal(schedule.take(), model.shift())
          } else {
            assert.equal(schedule.nextTime, Number.POSITIVE_INFINITY)
            assert.throws(() => schedule.take(), RangeError)
          }
        }
        assert.equal(schedule.size, model.length)
      }),
    )
  })
})
