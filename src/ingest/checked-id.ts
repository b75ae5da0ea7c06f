import { hasControl, isIllFormed } from '../events/text.ts'
import { rejected } from './rejected.ts'

const illFormedId = rejected('utf8', 'an id is not well-formed text')
const controlInId = rejected('utf8', 'an id holds a control character')

/** The id as sent. Throws the shared rejection (a plain value, caught by the decoder) where it can't be one. */
export function checkedId(text: string): string {
  if (hasControl(text)) throw controlInId
  if (isIllFormed(text)) throw illFormedId
  return text
}
