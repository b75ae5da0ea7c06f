import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Case, newCase, type Sent, verdictOf } from './case.ts'
import { begin, endWindows, isKept, keptMs, maxCases, nextEndMs, noCases } from './cases.ts'
import { effectOf, type Kind, kindOf, withOutcome } from './outcome.ts'

const hourMs = 3_600_000
const sent: Sent = {
  id: 'a1',
  action: 'offer',
  treatment: '',
  channel: 'mail',
  group: 'sales',
  tags: ['big'],
  purpose: '',
  arm: '',
  policy: 'p',
  timeMs: 1_000,
  endMs: 1_000 + hourMs,
  probability: 0.25,
  score: 3,
  hasGoal: true,
}
const over = (one: Case): Case => endWindows([one], one.endMs).cases[0]!

/** The case after outcomes, each at the next ms; `end` is the end of its window. */
function after(words: string, of: Partial<Sent> = {}): Case {
  let one = newCase({ ...sent, ...of })
  for (const [i, word] of words.split(' ').entries()) {
    if (word === 'end') one = over(one)
    else if (word !== '') one = withOutcome(one, word as Kind, 2_000 + i, Number.NaN)
  }
  return one
}

describe('the verdict of a case', () => {
  const verdicts: [words: string, verdict: string][] = [
    ['', 'open'],
    ['delivered impression click', 'open'],
    ['goal', 'positive'],
    ['conversion', 'positive'],
    ['rejection', 'negative'],
    ['failure', 'not_delivered'],
    ['expired', 'not_delivered'],
    ['end', 'unseen'],
    ['delivered end', 'negative'],
    ['impression end', 'negative'],
    ['click end', 'negative'],
    // What comes late revises it.
    ['end delivered', 'negative'],
    ['end conversion', 'positive'],
    ['impression end goal', 'positive'],
    ['end not_delivered', 'not_delivered'],
    // A success stands, and a rejection shows that it was delivered.
    ['conversion rejection', 'positive'],
    ['rejection conversion', 'positive'],
    ['goal failure end', 'positive'],
    ['rejection failure', 'negative'],
    ['failure rejection', 'negative'],
  ]
  for (const [words, verdict] of verdicts) {
    it(`is ${verdict} after ${words || 'nothing'}`, () => {
      assert.equal(verdictOf(after(words)), verdict)
    })
  }

  it('is positive after a click where the action has no goal', () => {
    assert.equal(verdictOf(after('click', { hasGoal: false })), 'positive')
    assert.equal(verdictOf(after('impression end', { hasGoal: false })), 'negative')
  })

  it('does not depend on the order of arrival, nor does what is known of each outcome', () => {
    const outcome = fc.record({
      kind: fc.constantFrom<Kind[]>('delivered', 'impression', 'click', 'goal', 'conversion', 'rejection', 'failure'),
      timeMs: fc.integer({ min: 1, max: 6 }),
    })
    const outcomes = fc.uniqueArray(outcome, { maxLength: 8, selector: ({ kind, timeMs }) => `${kind} ${timeMs}` })
    const twice = outcomes.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length })),
    )
    fc.assert(
      fc.property(twice, fc.nat(8), ([given, other], end) => {
        const fold = (of: typeof given) => {
          let one = newCase(sent)
          for (const [i, { kind, timeMs }] of of.entries()) {
            if (i === Math.min(end, of.length - 1)) one = over(one)
            // The worth is told by the time, so that outcomes of the same time agree.
            one = withOutcome(one, kind, timeMs, timeMs * 10)
          }
          const { revision: _, isOver: _over, ...known } = one
          return { ...known, verdict: verdictOf(over(one)) }
        }
        assert.deepEqual(fold(other), fold(given))
      }),
    )
  })
})

describe('an outcome', () => {
  it('of a click implies its impression, and the earliest of each kind counts', () => {
    const { impressionMs, clickMs } = after('click impression click')
    assert.deepEqual([impressionMs, clickMs], [2_000, 2_000])
  })

  it('gives its case the worth that the earliest says', () => {
    let one = withOutcome(newCase(sent), 'conversion', 5_000, Number.NaN)
    assert.ok(Number.isNaN(one.value))
    one = withOutcome(one, 'goal', 6_000, 30)
    assert.equal(one.value, 30)
    one = withOutcome(one, 'conversion', 7_000, 40)
    assert.equal(one.value, 30)
    assert.equal(withOutcome(one, 'goal', 3_000, 20).value, 20)
  })

  const effects: [before: string, kind: Kind, effect: string][] = [
    ['', 'click', 'noted'],
    ['', 'conversion', 'closed'],
    ['', 'withdrawn', 'closed'],
    ['click', 'click', 'repeated'],
    ['conversion', 'conversion', 'repeated'],
    ['conversion', 'rejection', 'contradicted'],
    ['rejection', 'expired', 'contradicted'],
    ['rejection', 'conversion', 'revised'],
    ['end', 'delivered', 'revised'],
    ['delivered end', 'goal', 'revised'],
    ['delivered end', 'impression', 'noted'],
  ]
  for (const [before, kind, effect] of effects) {
    it(`of the kind ${kind} is ${effect} after ${before || 'nothing'}`, () => {
      const one = after(before)
      const then = withOutcome(one, kind, 9_000, Number.NaN)
      assert.equal(effectOf(one, then, kind), effect)
      assert.equal(then.revision, one.revision + (effect === 'repeated' ? 0 : 1))
    })
  }

  it('of another word is none that a case knows; a goal is only what an event meets', () => {
    assert.deepEqual(['click', 'goal', 'unsubscribed', ''].map(kindOf), ['click', undefined, undefined, undefined])
  })
})

describe('the cases of a customer', () => {
  const nth = (i: number) => newCase({ ...sent, id: `a${i}`, timeMs: i * hourMs, endMs: (i + 50) * hourMs })
  const many = (count: number) => {
    let cases = noCases
    for (let i = 1; i <= count; i++) cases = begin(cases, nth(i), i * hourMs).cases
    return cases
  }

  it('are due when the first window of an open one ends', () => {
    assert.equal(nextEndMs(noCases), Number.POSITIVE_INFINITY)
    assert.equal(nextEndMs(many(3)), 51 * hourMs)
    const { cases, changed } = endWindows(many(3), 52 * hourMs)
    assert.deepEqual(
      changed.map(({ id }) => id),
      ['a1', 'a2'],
    )
    assert.equal(nextEndMs(cases), 53 * hourMs)
    assert.deepEqual(endWindows(cases, 52 * hourMs).changed, [])
  })

  it('are bounded: a new one takes the place of the oldest with a verdict', () => {
    const full = many(maxCases).map((one, i) => (i === 3 || i === 7 ? withOutcome(one, 'rejection', 1, 0) : one))
    const { cases, changed } = begin(full, nth(99), 0)
    assert.equal(cases.length, maxCases)
    assert.equal(
      cases.some(({ id }) => id === 'a4'),
      false,
    )
    assert.deepEqual(
      changed.map(({ id }) => id),
      ['a99'],
    )
  })

  it('are bounded: where all are open, the oldest gets its verdict', () => {
    const { cases, changed } = begin(many(maxCases), nth(99), 0)
    assert.equal(cases.length, maxCases)
    assert.deepEqual(
      changed.map((one) => [one.id, verdictOf(one), one.revision]),
      [
        ['a1', 'unseen', 2],
        ['a99', 'open', 1],
      ],
    )
  })

  it('are forgotten a while after their window', () => {
    const { cases } = endWindows(many(2), 52 * hourMs)
    const [first] = cases
    assert.ok(isKept(first!, first!.endMs + keptMs - 1))
    assert.ok(!isKept(first!, first!.endMs + keptMs))
    assert.deepEqual(
      begin(cases, nth(3), first!.endMs + keptMs).cases.map(({ id }) => id),
      ['a2', 'a3'],
    )
  })
})
