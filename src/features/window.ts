/** Over which events a feature looks. */
export type Window =
  /** The `sizeMs / paneMs` panes that end with the pane of the moment of reading (design: section 3). */
  | { readonly kind: 'panes'; readonly sizeMs: number; readonly paneMs: number }
  /** The customer's current session. */
  | { readonly kind: 'session' }
  /** All that the customer ever did. */
  | { readonly kind: 'lifetime' }

/** The most panes that a window may have: it bounds a profile's memory and the cost of a read. */
export const maxPanes = 1_500

/** The window's name in a message and in a group's signature. */
export const windowName = (window: Window) => (window.kind === 'panes' ? `panes of ${window.paneMs} ms` : window.kind)
