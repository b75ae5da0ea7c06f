import { type Case, type Verdict, verdictOf } from './case.ts'

/** The outcomes that a case knows. Any other word is an event, and says nothing of the case. */
export const kinds = [
  'delivered',
  'impression',
  'click',
  'conversion',
  'rejection',
  'failure',
  'not_delivered',
  'expired',
  'withdrawn',
] as const
/** `goal`: an event met the action's goal. */
export type Kind = (typeof kinds)[number] | 'goal'

export const kindOf = (outcome: string): Kind | undefined => kinds.find((kind) => kind === outcome)

/** What an outcome did. */
export type Effect =
  /** It is noted in its case, which goes on as it was. */
  | 'noted'
  /** It gave an open case its verdict. */
  | 'closed'
  /** It gave a case another verdict. */
  | 'revised'
  /** The case knew it already. */
  | 'repeated'
  /** It is noted, but the verdict stays: no rejection undoes a success. */
  | 'contradicted'
  /** The customer has no such action: never had, had it too long ago, or it is another customer's. */
  | 'unknown_action'
  /** The customer's actions of that name are all of later. */
  | 'before_action'

/** The case with an outcome noted; the same object where that changes nothing. @param value NaN where it says none */
export function withOutcome(one: Case, kind: Kind, timeMs: number, value: number): Case {
  const after = noted(one, kind, timeMs)
  const isSuccess = kind === 'goal' || kind === 'conversion'
  const says = isSuccess && !Number.isNaN(value) && isNews(one.valueMs, timeMs)
  if (after === one && !says) return one
  return { ...after, ...(says ? { value, valueMs: timeMs } : {}), revision: one.revision + 1 }
}

function noted(one: Case, kind: Kind, timeMs: number): Case {
  switch (kind) {
    case 'delivered':
      return isNews(one.deliveredMs, timeMs) ? { ...one, deliveredMs: timeMs } : one
    case 'impression':
      return isNews(one.impressionMs, timeMs) ? { ...one, impressionMs: timeMs } : one
    case 'click': {
      const seen = noted(one, 'impression', timeMs)
      return isNews(one.clickMs, timeMs) ? { ...seen, clickMs: timeMs } : seen
    }
    case 'goal':
      return isNews(one.goalMs, timeMs) ? { ...one, goalMs: timeMs } : one
    case 'conversion':
      return isNews(one.conversionMs, timeMs) ? { ...one, conversionMs: timeMs } : one
    case 'rejection':
      return isNews(one.rejectionMs, timeMs) ? { ...one, rejectionMs: timeMs } : one
    default:
      return isNews(one.failureMs, timeMs) ? { ...one, failureMs: timeMs, failure: kind } : one
  }
}

const isNews = (knownMs: number, timeMs: number) => knownMs === 0 || timeMs < knownMs

/** @param after the case with the outcome noted */
export function effectOf(before: Case, after: Case, kind: Kind): Effect {
  if (after === before) return 'repeated'
  const [was, is] = [verdictOf(before), verdictOf(after)]
  if (was !== is) return was === 'open' ? 'closed' : 'revised'
  const claim = claimOf(kind)
  return claim === undefined || claim === is ? 'noted' : 'contradicted'
}

/** The verdict that an outcome stands for, if it does for any by itself. */
function claimOf(kind: Kind): Verdict | undefined {
  if (kind === 'goal' || kind === 'conversion') return 'positive'
  if (kind === 'rejection') return 'negative'
  return kind === 'delivered' || kind === 'impression' || kind === 'click' ? undefined : 'not_delivered'
}
