import type { Candidate, Decision } from '../../decide/decision.ts'
import { factorNames } from '../../decide/policy.ts'
import type { Engine } from '../../engine.ts'
import type { Value } from '../../events/event.ts'
import { type Leaf, leavesOf, nameOfLeaf, partsAgainst } from '../../expressions/parts.ts'
import type { Moment } from '../../features/moment.ts'
import type { OpenDecision } from '../../slice-input.ts'
import {
  changeOfCondition,
  changeOfConsent,
  changeOfTime,
  changeOfWorth,
  type DeclaredFactor,
  type Search,
} from './change.ts'
import { aboutReason } from './reasons.ts'
import { type ChangeView, type Show, showing, viewChange } from './shown.ts'
import { WhatIf } from './what-if.ts'
import { decisive, factorsOf, rivalOf } from './worth.ts'

/** Why one candidate was chosen or not: plain values, for people and machines. */
export interface CandidateView {
  readonly action: string
  /** The form that it has; absent where its action has but one. */
  readonly treatment?: string
  readonly reason: string
  /** The declared gate, or rule of the contact policy, that said no. */
  readonly gate?: string
  readonly says: string
  /** What it was worth, and the factors of that; absent where it was not eligible. */
  readonly score?: number
  readonly factors?: Readonly<Record<string, number>>
  readonly probability: number
  readonly asked?: AskedView
  readonly outranked_by?: RivalView
  readonly change?: ChangeView
  /** Where no single change is enough: what would hold it back past this gate. */
  readonly next?: { readonly reason: string; readonly gate?: string }
}

/** Who was worth more, or came first for another reason. The name is `nothing` where sending nothing did. */
export interface RivalView {
  readonly action: string
  readonly treatment?: string
  readonly score: number
  readonly margin: number
  readonly factor: string
}

/** An expression that was asked. */
export interface AskedView {
  readonly of: 'when' | 'allow' | 'value'
  readonly source: string
  /** The parts that do not hold; `is` is null where it can't be evaluated. */
  readonly parts: readonly { readonly text: string; readonly is: boolean | null }[]
  /** What those parts read, or all of it where it holds. A value that only the event has is given by its kind. */
  readonly reads: Readonly<Record<string, Value>>
}

/** Explains all candidates of a decision, in its order. */
export function viewCandidates(open: OpenDecision, engine: Engine): CandidateView[] {
  const viewer = new Viewer(open, engine)
  return open.decision.candidates.map((candidate) => viewer.view(candidate))
}

class Viewer {
  readonly #decision: Decision
  readonly #rules: Engine['rules']
  readonly #whatIf: WhatIf
  readonly #show: Show

  constructor(open: OpenDecision, engine: Engine) {
    this.#decision = open.decision
    this.#rules = engine.rules
    this.#whatIf = new WhatIf(open, engine)
    this.#show = showing(engine.features)
  }

  view(candidate: Candidate): CandidateView {
    const { action, treatment, reason, gate, score, probability } = candidate
    const { says } = aboutReason(reason)
    const factors = factorsOf(candidate, this.#whatIf.moment)
    return {
      action: action.name,
      ...named(treatment?.name),
      reason,
      ...(gate !== '' && { gate }),
      says,
      ...(!Number.isNaN(score) && { score, factors: Object.fromEntries(factors) }),
      probability,
      ...this.#why(candidate),
    }
  }

  #why(candidate: Candidate): Pick<CandidateView, 'asked' | 'outranked_by' | 'change' | 'next'> {
    const { reason, gate } = candidate
    if (reason === 'outranked' || reason === 'nothing') return this.#whyNotWorth(candidate)
    const { asks, passed, stays } = aboutReason(reason)
    const declared = asks === undefined ? undefined : this.#rules.gates?.find(({ name }) => name === gate)
    if (asks === 'consent') return viewSearch(changeOfConsent(candidate, this.#whatIf), this.#show)
    const allow = declared?.allow
    if (allow !== undefined) return { ...this.#asked('allow', allow), ...this.#changeOf(candidate, allow) }
    const [condition, isMet] = this.#conditionOf(candidate)
    if (asks !== undefined) {
      if (!isMet) return { ...this.#asked('when', condition), ...this.#changeOf(candidate, condition) }
      const worth = this.#factors(candidate).find(({ source }) => typeof source === 'string')
      return worth === undefined ? {} : this.#asked('value', String(worth.source))
    }
    const why = this.#asked('when', condition)
    return passed || stays ? why : { ...why, ...viewSearch(changeOfTime(candidate, this.#whatIf), this.#show) }
  }

  #whyNotWorth(candidate: Candidate): Pick<CandidateView, 'outranked_by' | 'change'> {
    const { moment } = this.#whatIf
    const { nothingScore } = this.#decision
    const rival = candidate.reason === 'nothing' ? undefined : rivalOf(candidate, this.#decision)
    const score = rival?.score ?? nothingScore
    if (Number.isNaN(score)) return {}
    const isLess = candidate.score < nothingScore
    const by =
      rival === undefined
        ? { action: 'nothing', factor: isLess ? 'value' : 'chance' }
        : { action: rival.action.name, ...named(rival.treatment?.name), factor: decisive(candidate, rival, moment) }
    const search = changeOfWorth(candidate, score, this.#factors(candidate), this.#whatIf)
    return { outranked_by: { ...by, score, margin: score - candidate.score }, ...viewSearch(search, this.#show) }
  }

  /** The condition that was asked of the action, or of the form where that of the action holds; and whether it holds. */
  #conditionOf({ action, treatment }: Candidate): readonly [source: string, isMet: boolean] {
    const { on, when, treatments = [] } = this.#declared(action.name)
    const form = treatments.find(({ name }) => name === treatment?.name)?.when
    // That a crossing's condition has become true is why it is decided on.
    if (on !== 'becomes_true' && !this.#isMet(when)) return [when, false]
    return form === undefined || this.#isMet(form) ? [when, true] : [form, false]
  }

  #isMet(source: string): boolean {
    return this.#whatIf.compile(source).evaluate(this.#whatIf.moment) === true
  }

  #declared(name: string) {
    return this.#rules.actions.find((action) => action.name === name)!
  }

  /** Those that are declared and count. */
  #factors({ action, treatment }: Candidate): DeclaredFactor[] {
    const declared = this.#declared(action.name)
    const counting = new Set<string>(action.factors.map(({ name }) => name))
    const own = factorNames.flatMap((name) => {
      const source = declared[name]
      return source === undefined || !counting.has(name) ? [] : [{ name, source }]
    })
    const source = declared.treatments?.find(({ name }) => name === treatment?.name)?.factor
    return source === undefined ? own : [...own, { name: 'treatment', source }]
  }

  #changeOf(candidate: Candidate, source: string): Pick<CandidateView, 'change' | 'next'> {
    return viewSearch(changeOfCondition(candidate, source, this.#whatIf), this.#show)
  }

  #asked(of: AskedView['of'], source: string): Pick<CandidateView, 'asked'> {
    const { moment, evaluator } = this.#whatIf
    const { tree } = this.#whatIf.compile(source)
    const against = of === 'value' ? [] : partsAgainst(tree, moment, evaluator)
    const leaves: readonly Leaf<Moment>[] =
      against.length > 0 ? against.flatMap((part) => part.leaves) : leavesOf(tree, evaluator)
    const reads = leaves.map((leaf) => [nameOfLeaf(leaf), this.#show(leaf.name, leaf.read(moment))])
    const parts = against.map(({ text, value }) => ({ text, is: value ?? null }))
    return { asked: { of, source: source.trim(), parts, reads: Object.fromEntries(reads) } }
  }
}

const named = (treatment: string | undefined) => (treatment ? { treatment } : {})

function viewSearch({ change, next }: Search, show: Show): Pick<CandidateView, 'change' | 'next'> {
  if (change !== undefined) return { change: viewChange(change, show) }
  if (next === undefined) return {}
  return { next: { reason: next.reason, ...(next.gate !== '' && { gate: next.gate }) } }
}
