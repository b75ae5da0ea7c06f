/**
 * Text from outside. Ids must be well formed as sent. Free text is made well formed, and loses what can deceive a reader or
 * a terminal: control characters (but not tab and line feed), ANSI sequences, overrides of the writing direction.
 */

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

export const hasControl = (text: string): boolean => control.test(text)

/** Whether it holds something that was not text: half a surrogate pair, or U+FFFD, which stands for undecodable bytes. */
export const isIllFormed = (text: string): boolean => illFormed.test(text)

/** Whether the text can be an id: no control characters, and not ill formed. */
export const isWellFormed = (text: string): boolean => !hasControl(text) && !isIllFormed(text)
