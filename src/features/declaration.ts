import type { Window } from './window.ts'

/** A feature as declared, checked and complete: every default is filled in. */
export type FeatureDeclaration = AggregateFeature | ComputedFeature

/** Computed from the events of a window. */
export interface AggregateFeature {
  readonly name: string
  readonly kind: AggregateDeclaration
  /** CEL over the event; absent: every event. */
  readonly where?: string
  readonly window: Window
  /** An event that is later than this, against the customer's stream time, changes nothing; absent: the window's default. */
  readonly latenessMs?: number
}

/** Computed from other features and traits: `value` is CEL over them. */
export interface ComputedFeature {
  readonly name: string
  readonly value: string
}

/** `of` is CEL over the event: a field (`properties.revenue`) or a computed value. */
export type AggregateDeclaration =
  | { readonly name: 'count'; readonly of?: string; readonly by?: Keys }
  | { readonly name: 'sum'; readonly of: string; readonly scale: number; readonly by?: Keys }
  | { readonly name: 'avg' | 'variance' | 'stddev'; readonly of: string; readonly scale: number }
  | { readonly name: 'min' | 'max' | 'first' | 'last'; readonly of: string }
  | { readonly name: 'last_n'; readonly of: string; readonly n: number }
  | { readonly name: 'distinct'; readonly of: string; readonly max: number }
  | { readonly name: 'top'; readonly of: string; readonly k: number; readonly max: number }
  | { readonly name: 'most_frequent' | 'least_frequent'; readonly of: string; readonly max: number }
  | { readonly name: 'quantile'; readonly of: string; readonly q: number; readonly error: number }
  /** The sum of a value, or else the count of events, per `perMs` of the window. */
  | { readonly name: 'rate'; readonly of?: string; readonly perMs: number; readonly scale: number }
  /** `of` is the condition of a success. */
  | { readonly name: 'smoothed_rate'; readonly of: string; readonly prior: number; readonly weight: number }
  | { readonly name: 'decayed_sum'; readonly of: string; readonly halfLifeMs: number }
  | { readonly name: 'time_since' | 'time_since_first' | 'active_days' }
  | StepsDeclaration

/** Turns an aggregate into a map: `key` is CEL over the event, and a pane has at most `max` keys. */
interface Keys {
  readonly key: string
  readonly max: number
}

/**
 * How far the customer got through steps, or how often all steps were completed; a strict sequence allows no other event in
 * between. Only over `sliding` and `lifetime`, which keep events in order. `maxEvents` bounds how many of the latest ms with
 * events a lifetime keeps apart while late events may still come.
 */
export type StepsDeclaration = (
  | { readonly name: 'funnel' }
  | { readonly name: 'sequence'; readonly strict: boolean }
) & {
  /** CEL conditions over the event, in the order of the steps. */
  readonly steps: readonly string[]
  readonly withinMs: number
  readonly maxEvents: number
}
