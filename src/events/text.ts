/**
 * Text from outside. Ids must be well formed as sent; free text is made well formed, and loses what can deceive a
 * reader or a terminal: control characters but tab and line feed, ANSI sequences, overrides of the writing direction.
 */

import { rejected } from '../ingest/rejected.ts'

const illFormedId = rejected('utf8', 'an id is not well-formed text')
const controlInId = rejected('utf8', 'an id holds a control character')

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
const suspect = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
const deceptive = /\u001b\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
const control = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const illFormed = /\ufffd|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

export function cleanText(text: string): string {
  return suspect.test(text) ? text.replace(deceptive, '').replace(loneSurrogate, '\ufffd') : text
}

/** Whether the text can be an id: no control characters, and nothing that was not text. */
export const isWellFormed = (text: string): boolean => !control.test(text) && !illFormed.test(text)

/** The id as sent. Throws the shared rejection (a plain value, caught by the decoder) where it can't be one. */
export function checkedId(text: string): string {
  if (control.test(text)) throw controlInId
  if (illFormed.test(text)) throw illFormedId
  return text
}
