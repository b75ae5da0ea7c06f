import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decisionId } from '../emit/action-id.ts'
import { drawOf } from './chance.ts'
import { decide } from './decide.ts'
import type { Candidate } from './decision.ts'
import { compiledOf, enumerate, settingOf } from './test-arbitration.ts'

const nameOf = ({ action, treatment }: Candidate) => `${action.name}/${treatment?.name ?? ''}`

/** The decision of a setting, for a draw. */
function deciding(seed: number) {
  const setting = settingOf(seed)
  const { policy, customer, moment } = compiledOf(setting)
  const of = (draw: number) => decide(policy, policy.onEvent, customer, moment, { draw, arm: '', fits: () => true })
  return { setting, of }
}

/** The decision's draw, as the pipeline takes it from the id of its cause. */
const drawAt = (offset: number) =>
  drawOf('explore', decisionId({ topic: 'events', partition: 3, offset, position: offset, timer: '', dueMs: 0 }, 'c'))

test('the stored probabilities are those of each possible draw added up, to 1e-12', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
      const { setting, of } = deciding(seed)
      const { candidates, nothing } = of(1)
      const all = enumerate(setting)
      const sum = (holds: (shown: ReadonlySet<string>) => boolean) =>
        all.reduce((total, { probability, shown }) => total + (holds(shown) ? probability : 0), 0)
      const isClose = (is: number, wanted: number, what: string) =>
        assert(Math.abs(is - wanted) <= 1e-12, `${what} ${is}, not ${wanted}: ${JSON.stringify(setting)}`)
      for (const one of candidates)
        isClose(
          one.probability,
          sum((shown) => shown.has(nameOf(one))),
          nameOf(one),
        )
      isClose(
        nothing,
        sum((shown) => shown.size === 0),
        'nothing',
      )
    }),
    { seed: 1, numRuns: 2_000 },
  )
})

test('the probabilities are the same whatever was drawn, and what is certain or out of the question is exactly that', () => {
  for (let seed = 0; seed < 200; seed++) {
    const { of } = deciding(seed)
    const probabilities = [1, 0, 0.04, 0.17, 0.49].map((draw) => {
      const { candidates, chosen, nothing } = of(draw)
      for (const one of candidates) {
        if (one.reason === 'chosen') assert(one.probability > 0)
        if (one.probability === 1) assert.equal(one.reason, 'chosen')
      }
      if (chosen.length === 0) assert(nothing > 0)
      return [nothing, ...candidates.map(({ probability }) => probability)]
    })
    for (const other of probabilities) assert.deepEqual(other, probabilities[0])
  }
})

/** The upper tail of the χ² distribution: the regularised gamma function Q(k / 2, x / 2), by its series (Abramowitz and Stegun, 6.5.29). */
function chiSquareTail(x: number, k: number): number {
  if (k === 0) return 1
  const [a, z] = [k / 2, x / 2]
  let term = 1 / a
  let sum = term
  for (let n = 1; term > sum * 1e-15; n++) {
    term *= z / (a + n)
    sum += term
  }
  return Math.max(0, 1 - sum * Math.exp(a * Math.log(z) - z - logGamma(a)))
}

/** For multiples of 1/2, from Γ(x + 1) = x Γ(x). */
const logGamma = (x: number): number => {
  let log = 0
  let at = x
  for (; at > 1; at--) log += Math.log(at - 1)
  return at === 1 ? log : log + Math.log(Math.PI) / 2
}

test('over redraws each decision shows what its probabilities say', () => {
  assert(Math.abs(chiSquareTail(3.841_458_820_694, 1) - 0.05) < 1e-9)
  assert(Math.abs(chiSquareTail(18.307_038_053_275, 10) - 0.05) < 1e-9)
  const redraws = 5_000
  let decisions = 0
  let [total, freedom] = [0, 0]
  const deviations: number[] = []
  for (let seed = 0; decisions < 20; seed++) {
    const { setting, of } = deciding(seed)
    const key = (shown: Iterable<string>) => [...shown].sort().join(' ')
    const expected = new Map<string, number>()
    for (const { probability, shown } of enumerate(setting)) {
      expected.set(key(shown), (expected.get(key(shown)) ?? 0) + probability)
    }
    if (expected.size < 2) continue
    decisions++
    const seen = new Map<string, number>()
    const weights = new Map<string, number>()
    let weightOfNothing = 0
    const { candidates, nothing } = of(1)
    for (let i = 0; i < redraws; i++) {
      const { chosen } = of(drawAt(decisions * redraws + i))
      const shown = key(chosen.map(nameOf))
      seen.set(shown, (seen.get(shown) ?? 0) + 1)
      for (const one of chosen) weights.set(nameOf(one), (weights.get(nameOf(one)) ?? 0) + 1 / one.probability)
      if (chosen.length === 0) weightOfNothing += 1 / nothing
    }
    for (const shown of seen.keys()) assert(expected.has(shown), `${shown} can not be shown`)
    let chiSquare = 0
    for (const [shown, probability] of expected) {
      chiSquare += ((seen.get(shown) ?? 0) - redraws * probability) ** 2 / (redraws * probability)
    }
    const p = chiSquareTail(chiSquare, expected.size - 1)
    assert(p > 0.01 / 20, `decision ${seed}: χ² ${chiSquare} of ${expected.size} outcomes, p ${p}`)
    total += chiSquare
    freedom += expected.size - 1
    // The mean of 1{shown} / p has the mean 1 and the variance (1 − p) / (p n).
    const weigh = (weight: number, probability: number) => {
      if (probability === 0) assert.equal(weight, 0)
      else if (probability === 1) assert.equal(weight, redraws)
      else deviations.push((weight / redraws - 1) / Math.sqrt((1 - probability) / (probability * redraws)))
    }
    for (const one of candidates) weigh(weights.get(nameOf(one)) ?? 0, one.probability)
    weigh(weightOfNothing, nothing)
  }
  assert(chiSquareTail(total, freedom) > 0.01, `χ² ${total} with ${freedom} degrees of freedom`)
  assert(deviations.length > 60)
  for (const deviation of deviations) assert(Math.abs(deviation) < 3, `${deviation} standard errors from 1`)
})
