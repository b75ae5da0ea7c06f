import type { Window } from './window.ts'

/** A feature as declared, checked and complete: every default is filled in. */
export interface FeatureDeclaration {
  readonly name: string
  readonly kind: AggregateDeclaration
  /** CEL over the event; absent: every event. */
  readonly where?: string
  readonly window: Window
}

/** `of` is CEL over the event: a field (`properties.revenue`) or a computed value. */
export type AggregateDeclaration =
  | { readonly name: 'count'; readonly of?: string }
  | { readonly name: 'sum' | 'avg'; readonly of: string; readonly scale: number }
  | { readonly name: 'min' | 'max' | 'first' | 'last'; readonly of: string }
  | { readonly name: 'distinct'; readonly of: string; readonly max: number }
  | { readonly name: 'top'; readonly of: string; readonly k: number; readonly max: number }
  | { readonly name: 'time_since' }
