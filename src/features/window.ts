/** The events that a feature covers when it is read at time t. `docs/features.md` gives each rule in full. */
export type Window =
  /** The last `sizeMs / paneMs` panes up to the one that holds t. One pane is a tumbling window, more are a hopping one. */
  | { readonly kind: 'panes'; readonly sizeMs: number; readonly paneMs: number }
  /** The events in (t - sizeMs, t], exact to the ms; of these, only the latest `maxEvents` ms that hold any. */
  | { readonly kind: 'sliding'; readonly sizeMs: number; readonly maxEvents: number }
  /** The local day, week (from Monday) or month of t; the timezone is an IANA name, or `customer`. */
  | { readonly kind: 'calendar'; readonly period: Period; readonly timezone: string }
  /** The latest `count` events by time; within one ms by id. */
  | { readonly kind: 'events'; readonly count: number }
  /** The customer's session at t: events no further apart than the session gap, with t no further from the last one. */
  | { readonly kind: 'session' }
  /** Everything the customer ever did. */
  | { readonly kind: 'lifetime' }

export type Period = 'day' | 'week' | 'month'

/** The most panes that a window may have. Bounds a profile's memory and the cost of a read. */
export const maxPanes = 1_500
