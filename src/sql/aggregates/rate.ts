import type { Window } from '../../features/window.ts'
import type { AggregateSql } from '../aggregate.ts'
import { NotInSql } from '../expression.ts'
import { quoteNumber } from '../quote.ts'

export function rateSql({ text, ...of }: AggregateSql, perMs: number, window: Window): AggregateSql {
  if (!('sizeMs' in window)) throw new NotInSql('a rate over a window without a size')
  return { ...of, text: `${text} / ${quoteNumber(window.sizeMs / perMs)}` }
}
