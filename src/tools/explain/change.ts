import { allChannels, mergeConsent } from '../../consent/consent.ts'
import type { Candidate } from '../../decide/decision.ts'
import { leavesOf, partsAgainst } from '../../expressions/parts.ts'
import { leastNumber, nextAbove } from './least-number.ts'
import { isWhole, type Proposal, proposals, sizeOf } from './proposals.ts'
import { isHeld } from './reasons.ts'
import type { WhatIf } from './what-if.ts'
import { hasWon } from './worth.ts'

/** The smallest single change that lets a candidate through, and what becomes of it then. */
export interface Change extends Omit<Proposal, 'leaf'> {
  /** A variable; or `time` in ms, or the name of a factor that is a constant. */
  readonly leaf: Proposal['leaf'] | string
  readonly outcome: Candidate
}

export interface Search {
  /** undefined where no single change is enough. */
  readonly change?: Change
  /** What would hold it back where its condition or gate let it through. */
  readonly next?: Candidate
}

/**
 * For a candidate that an expression holds back: tries each change that may turn one of the parts that do not hold, the least
 * first, and decides again with it.
 */
export function changeOfCondition(candidate: Candidate, source: string, whatIf: WhatIf): Search {
  const { tree } = whatIf.compile(source)
  const tried = partsAgainst(tree, whatIf.moment, whatIf.evaluator)
    .flatMap((part) => proposals(part, whatIf))
    .map((proposal) => ({ proposal, size: sizeOf(proposal) }))
    .sort((a, b) => a.size - b.size)
    .map(({ proposal }) => ({
      ...proposal,
      outcome: whatIf.suppose(proposal.leaf, proposal.to, () => whatIf.candidate(candidate)),
    }))
  const change = tried.find(({ outcome }) => !isHeld(outcome))
  if (change !== undefined) return { change }
  const isAnother = ({ reason, gate }: Candidate) => reason !== candidate.reason || gate !== candidate.gate
  const next = tried.map(({ outcome }) => outcome).find(isAnother)
  return next === undefined ? {} : { next }
}

/** A factor of the priority as it is declared. */
export interface DeclaredFactor {
  readonly name: string
  readonly source: number | string
}

/**
 * For one that was not worth enough: what one of its factors would have to be, or what that reads.
 * @param score what it has to reach
 */
export function changeOfWorth(
  candidate: Candidate,
  score: number,
  factors: readonly DeclaredFactor[],
  whatIf: WhatIf,
): Search {
  const changes = factors.flatMap(({ name, source }): Change[] => {
    if (typeof source === 'number') return changesOfConstant(candidate, score, { name, value: source }, whatIf)
    const { tree } = whatIf.compile(source)
    return leavesOf(tree, whatIf.evaluator).flatMap((leaf) => {
      const from = leaf.read(whatIf.moment)
      if (typeof from !== 'number') return []
      const at = (to: number) => whatIf.suppose(leaf, to, () => whatIf.candidate(candidate))
      return leastNumber(from, isWhole(leaf), (to) => hasWon(at(to))).map(
        (to): Change => ({ leaf, from, to, outcome: at(to) }),
      )
    })
  })
  const [change] = changes.sort((a, b) => sizeOf(a) - sizeOf(b))
  return change === undefined ? {} : { change }
}

function changesOfConstant(
  candidate: Candidate,
  score: number,
  { name, value }: { readonly name: string; readonly value: number },
  whatIf: WhatIf,
): Change[] {
  const even = (value * score) / candidate.score
  if (!Number.isFinite(even)) return []
  // The product of the factors is rounded: the next number may not suffice.
  const above = nextAbove(even)
  const found = [even, above, nextAbove(above), nextAbove(nextAbove(above))]
    .map((to) => ({ to, outcome: whatIf.candidate(candidate, { factor: { name, value: to } }) }))
    .find(({ outcome }) => hasWon(outcome))
  if (found === undefined) return []
  return [{ leaf: name, from: value, ...found, ...(found.to !== even && { beyond: even }) }]
}

/** For one that needs a yes of the customer. */
export function changeOfConsent(candidate: Candidate, whatIf: WhatIf): Search {
  const { purpose } = candidate.action
  const channel = candidate.treatment?.channel ?? allChannels
  const { consent } = whatIf.customer
  const said = consent.get(purpose)?.get(channel) ?? consent.get(purpose)?.get(allChannels)
  const given = mergeConsent(consent, { purpose, channel, given: true, timeMs: Number.POSITIVE_INFINITY })
  if (given === undefined) return {}
  const outcome = whatIf.candidate(candidate, { consent: given })
  if (isHeld(outcome)) return { next: outcome }
  const leaf = ['consent', purpose, ...(channel === allChannels ? [] : [channel])].join('.')
  return { change: { leaf, from: said?.given, to: true, outcome } }
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** The longest that it looks ahead. */
const horizonMs = 400 * dayMs

/** Ever longer steps: minutes in the first hours, for quiet hours and short rests; days for the caps of months. */
function* stepsAhead(): Generator<number> {
  let ahead = 0
  while (ahead < horizonMs) {
    ahead += ahead < hourMs ? minuteMs : ahead < 2 * dayMs ? 15 * minuteMs : ahead < 35 * dayMs ? 6 * hourMs : dayMs
    yield ahead
  }
}

/** For one that rests, is capped or the like: the first moment (ms) at which the clock alone would let it through. */
export function changeOfTime(candidate: Candidate, whatIf: WhatIf): Search {
  const { asOfMs } = whatIf.moment
  const later = (ahead: number) => whatIf.later(candidate, asOfMs + ahead)
  let not = 0
  for (const ahead of stepsAhead()) {
    if (isHeld(later(ahead))) {
      not = ahead
      continue
    }
    let does = ahead
    while (does - not > 1) {
      const middle = Math.floor((not + does) / 2)
      if (isHeld(later(middle))) not = middle
      else does = middle
    }
    return { change: { leaf: 'time', from: asOfMs, to: asOfMs + does, outcome: later(does) } }
  }
  const last = later(horizonMs)
  return last.reason === candidate.reason ? {} : { next: last }
}
