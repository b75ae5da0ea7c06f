import type { Window } from '../features/window.ts'
import { nowMs, rowMs } from './aggregate.ts'

/** Whether an event is one of the customer's current session, as a column of the rows. */
export const inCurrentSession = 'CURRENT'

/**
 * Whether a row lies in the window as of the moment of reading: one line a window. No row is after that moment. What came too
 * late for its pane needs no rule of its own: its pane had left the longest window of its group, and a window that is read
 * later reaches back less far.
 */
export function windowToSql(window: Window): string {
  switch (window.kind) {
    case 'panes': {
      const { sizeMs, paneMs } = window
      return `intDiv(${rowMs}, ${paneMs}) > intDiv(${nowMs}, ${paneMs}) - ${sizeMs / paneMs}`
    }
    case 'session':
      return inCurrentSession
    case 'lifetime':
      return '1'
  }
}
