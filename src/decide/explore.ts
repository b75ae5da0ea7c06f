import type { Candidate } from './decision.ts'
import type { Slate } from './places.ts'

/**
 * ε-greedy exploration (Sutton and Barto, Reinforcement Learning, 2nd ed., section 2.2), over all that a decision shows. The
 * arms are the n candidates that are open and not mandatory, each in each of its forms, and nothing, where that competes. With
 * probability 1 − ε the order is that of the ranks; with probability ε one arm, each as likely as the others, is put before
 * the other arms (nothing before them: none of them is shown). Then the places are given away in that order, with
 * all that this entails.
 *
 * Closed form: with A(j) what is shown when the arm j comes first, and A(0) when none does, a candidate a is shown with
 *
 *     p(a) = (1 − ε) · [a ∈ A(0)] + ε / n · Σ over j of [a ∈ A(j)]
 *
 * and no action at all with the same of [A(j) = ∅]. With one place this is the ε / n of each and 1 − ε more of the best.
 */
export interface Exploration {
  /** ε; 0 to 1. */
  readonly epsilon: number
  /** The candidates by rank, all open and able to be published. The mandatory ones come first. */
  readonly ranked: readonly Candidate[]
  /** How many of them are mandatory. */
  readonly mandatory: number
  /** Whether nothing is an arm. */
  readonly withNothing: boolean
}

/** Which arm comes first: an index in `ranked`, or nothing; undefined: none. */
export type First = number | 'nothing' | undefined

/** @param draw a number in [0, 1) */
export function drawFirst({ epsilon, ranked, mandatory, withNothing }: Exploration, draw: number): First {
  const others = ranked.length - mandatory
  const arms = others + (withNothing ? 1 : 0)
  if (!(draw < epsilon) || arms === 0) return undefined
  const arm = Math.min(Math.floor((draw / epsilon) * arms), arms - 1)
  return arm === others ? 'nothing' : mandatory + arm
}

/** The candidates in the order in which they are placed. */
export function* orderOf({ ranked, mandatory }: Exploration, first: First): Generator<Candidate> {
  for (let i = 0; i < mandatory; i++) yield ranked[i]!
  if (first === 'nothing') return
  if (first !== undefined) yield ranked[first]!
  for (let i = mandatory; i < ranked.length; i++) if (i !== first) yield ranked[i]!
}

/** The probability of being shown: by the candidates' index in `ranked`; and that of nothing. */
export interface Probabilities {
  readonly of: ReadonlyMap<Candidate, number>
  readonly nothing: number
}

/** @param show what is shown of an order */
export function probabilities(
  exploration: Exploration,
  show: (order: Iterable<Candidate>) => Pick<Slate, 'placed'>,
): Probabilities {
  const { epsilon, ranked, mandatory, withNothing } = exploration
  const greedy = new Set<Candidate>()
  for (const { candidate } of show(orderOf(exploration, undefined)).placed) greedy.add(candidate)
  const arms = ranked.length - mandatory + (withNothing ? 1 : 0)
  const explored = arms > 0 ? epsilon : 0
  const counts = new Map<Candidate, number>()
  let empty = 0
  const count = (first: First) => {
    const { placed } = show(orderOf(exploration, first))
    if (placed.length === 0) empty++
    for (const { candidate } of placed) counts.set(candidate, (counts.get(candidate) ?? 0) + 1)
  }
  if (explored > 0) {
    for (let i = mandatory; i < ranked.length; i++) count(i)
    if (withNothing) count('nothing')
  }
  const probability = (isGreedy: boolean, n: number) =>
    n === arms ? (isGreedy ? 1 : explored) : (isGreedy ? 1 - explored : 0) + (explored * n) / arms
  const of = new Map(ranked.map((one) => [one, probability(greedy.has(one), counts.get(one) ?? 0)]))
  return { of, nothing: probability(greedy.size === 0, empty) }
}
