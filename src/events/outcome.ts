import type { Event } from './event.ts'

/** What came of an action is an event of this type, with the property `outcome`: `click`, `rejection` … */
export const outcomeType = 'outcome'

/** What came of an action; empty for any other event. */
export function outcomeOf({ type, properties }: Event): string {
  if (type !== outcomeType) return ''
  const outcome = properties.get('outcome')
  return typeof outcome === 'string' ? outcome : ''
}
