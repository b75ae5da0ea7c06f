import type { Selector } from '../selector.ts'

/** The contact policy as declared: checked, with every default filled in. */
export interface ContactPolicyDeclaration {
  /** The timezone of customers of whom nothing says where they are. */
  readonly timezone?: string | undefined
  /** Timezones by country, for customers of whom only the country is known. */
  readonly country_timezones: Readonly<Record<string, string>>
  readonly limits: readonly LimitDeclaration[]
  readonly exclusions: readonly ExclusionDeclaration[]
  readonly suppressions: readonly SuppressionDeclaration[]
  readonly quiet_hours: readonly QuietHoursDeclaration[]
}

/** Not one that `counts` the contacts of these actions, and so no two, may go to whom `max` went within the span. */
export interface LimitDeclaration {
  readonly name: string
  /** The actions whose contacts count, as they were tagged when they were decided. */
  readonly counts: Selector
  /** The actions that it holds back. */
  readonly obeys: Selector
  /** How many at most; 0: never. */
  readonly max: number
  readonly per: Span
}

/** The last so many ms, half-open; or the local day, or week from Monday, of a timezone (`customer` for the customer's). */
export type Span = { readonly rollingMs: number } | { readonly period: 'day' | 'week'; readonly timezone: string }

/** `never` within that time after one of `after`; or never in one decision with one of `with`. */
export type ExclusionDeclaration =
  | { readonly name: string; readonly never: Selector; readonly after: Selector; readonly forMs: number }
  | { readonly name: string; readonly never: Selector; readonly with: Selector }

/** That many outcomes within some time: off for a while, from the last of them. */
export interface SuppressionDeclaration {
  readonly name: string
  readonly outcomes: readonly string[]
  readonly times: number
  readonly withinMs: number
  readonly offMs: number
  /** The actions whose outcomes count. */
  readonly counts: Selector
  /** The actions that are off. */
  readonly obeys: Selector
}

export interface QuietHoursDeclaration {
  readonly name: string
  readonly of: Selector
  /** Local times of day, ms since midnight; over midnight where `fromMs` is the later one. */
  readonly fromMs: number
  readonly toMs: number
  /** An IANA name, or `customer`. */
  readonly timezone: string
  /** Whether what comes in them waits for their end; else it is dropped. */
  readonly holds: boolean
}

/** Whether a rule asks where the customer is. */
export const asksWhere = (policy: ContactPolicyDeclaration | undefined): boolean =>
  policy !== undefined &&
  (policy.quiet_hours.some(({ timezone }) => timezone === 'customer') ||
    policy.limits.some(({ per }) => 'period' in per && per.timezone === 'customer'))

/** All rules, each with its name. */
export const rulesOf = (policy: ContactPolicyDeclaration | undefined) =>
  policy === undefined ? [] : [...policy.limits, ...policy.exclusions, ...policy.suppressions, ...policy.quiet_hours]
