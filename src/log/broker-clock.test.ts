import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerClock } from './broker-clock.ts'

const start = Date.UTC(2026, 0, 1)

/** A machine whose wall clock is wrong by an hour, and brokers whose clock is right. */
function machine() {
  const state = { brokersMs: start, wallMs: start + 3_600_000, monotonicMs: 5_000 }
  const clock = new BrokerClock(
    () => state.wallMs,
    () => state.monotonicMs,
  )
  const pass = (ms: number) => {
    state.brokersMs += ms
    state.wallMs += ms
    state.monotonicMs += ms
  }
  const ask = (thereMs: number, backMs: number) => {
    const answered = clock.ask()
    pass(thereMs)
    const said = state.brokersMs
    pass(backMs)
    answered()(said)
  }
  return { state, clock, pass, ask }
}

test('the time is unknown until the brokers are asked', () => {
  const { clock } = machine()
  assert.equal(clock.nowMs(), undefined)
})

test("it gives the brokers' time, whatever this machine's is, within half of the round trip", () => {
  const { state, clock, pass, ask } = machine()
  ask(10, 10)
  assert.equal(clock.nowMs(), state.brokersMs)
  pass(86_400_000)
  assert.equal(clock.nowMs(), state.brokersMs)
  ask(0, 30)
  assert.equal(clock.nowMs(), state.brokersMs - 15)
})

for (const [what, jumpMs] of [
  ['set ahead', 3_000_000],
  ['set back', -600_000],
  ['ahead after a suspension, in which the monotonic clock stood still', 60_000],
] as const) {
  test(`the time is unknown again after a wall clock is ${what}`, () => {
    const { state, clock, ask } = machine()
    ask(1, 1)
    state.wallMs += jumpMs
    assert.equal(clock.nowMs(), undefined)
    ask(1, 1)
    assert.equal(clock.nowMs(), state.brokersMs)
  })
}

test('a wall clock that is corrected gradually changes nothing', () => {
  const { state, clock, ask } = machine()
  ask(1, 1)
  state.wallMs += 500
  assert.equal(clock.nowMs(), state.brokersMs)
})
