import type { Candidate, Decision } from '../../decide/decision.ts'
import type { Moment } from '../../features/moment.ts'

/** What a candidate's priority is made of, and who beat one that was outranked. */

/** The declared factors by name, and the form's own as `treatment`. One that is not declared is 1. */
export function factorsOf({ action, treatment }: Candidate, moment: Moment): ReadonlyMap<string, number> {
  const factors = new Map<string, number>()
  const note = (name: string, value: unknown) => typeof value === 'number' && factors.set(name, value)
  for (const { name, evaluate } of action.factors) note(name, evaluate(moment))
  if (treatment?.factor !== undefined) note('treatment', treatment.factor(moment))
  return factors
}

/** It has a place, or would have one if an experiment did not hold it back. */
export const hasWon = ({ reason }: Pick<Candidate, 'reason'>) =>
  reason === 'chosen' || reason === 'holdout' || reason === 'shadow'

/** Who has the place that it could have had: the same action in another form, else the last one in a place that it fits. */
export function rivalOf(candidate: Candidate, { candidates }: Decision): Candidate | undefined {
  const won = candidates.filter((one) => hasWon(one) && (one.reason !== 'shadow' || one.action === candidate.action))
  const places = candidate.treatment?.places ?? []
  const sharesPlace = (one: Candidate) => one.treatment?.places.some((place) => places.includes(place))
  return won.find(({ action }) => action === candidate.action) ?? won.filter(sharesPlace).at(-1) ?? won.at(-1)
}

/** Through what the rival came first: the factor in which it is ahead by most, or what else decided. */
export function decisive(candidate: Candidate, rival: Candidate, moment: Moment): string {
  if (rival.action !== candidate.action && rival.action.mandatory && !candidate.action.mandatory) return 'mandatory'
  if (rival.score < candidate.score) return 'chance'
  if (rival.score === candidate.score) {
    return rival.action.expiresMs === candidate.action.expiresMs ? 'name' : 'expiry'
  }
  const [own, theirs] = [factorsOf(candidate, moment), factorsOf(rival, moment)]
  const ahead = [...new Set([...own.keys(), ...theirs.keys()])]
    .map((name) => ({ name, by: ratio(theirs.get(name) ?? 1, own.get(name) ?? 1) }))
    .sort((a, b) => b.by - a.by)
  return ahead[0]?.name ?? 'value'
}

function ratio(theirs: number, own: number): number {
  if (theirs > 0 && own > 0) return theirs / own
  return theirs > own ? Number.POSITIVE_INFINITY : 0
}
