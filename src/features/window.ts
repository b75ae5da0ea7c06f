/** Over which events a feature looks, as of the moment of reading t. `docs/features.md` gives each rule in full. */
export type Window =
  /** The `sizeMs / paneMs` panes that end with t's own (design: section 3). One pane is a tumbling window, more hop. */
  | { readonly kind: 'panes'; readonly sizeMs: number; readonly paneMs: number }
  /** The events of (t - sizeMs, t] to the ms, of them those of the latest `maxEvents` ms that hold any. */
  | { readonly kind: 'sliding'; readonly sizeMs: number; readonly maxEvents: number }
  /** The local day, week (from Monday) or month of t; the timezone is an IANA name, or `customer`. */
  | { readonly kind: 'calendar'; readonly period: Period; readonly timezone: string }
  /** The latest `count` events by time, those of one ms by their id. */
  | { readonly kind: 'events'; readonly count: number }
  /** The customer's session of t: events no further apart than the session gap, and t no further from the last. */
  | { readonly kind: 'session' }
  /** All that the customer ever did. */
  | { readonly kind: 'lifetime' }

export type Period = 'day' | 'week' | 'month'

/** The most panes that a window may have: it bounds a profile's memory and the cost of a read. */
export const maxPanes = 1_500
