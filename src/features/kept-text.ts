/**
 * Aggregates only use this many of a text's first code points: what they keep is in the profile, which is written as a whole
 * at each checkpoint. SQL cuts the same way (`substringUTF8`), so this number is part of what features mean.
 */
export const maxTextChars = 1_024

/** A value as aggregates use it: a text that is too long is cut between two code points; anything else stays as it is. */
export const boundText = (value: unknown): unknown =>
  typeof value === 'string' && value.length > maxTextChars ? cutText(value) : value

function cutText(text: string): string {
  let end = 0
  for (let n = 0; n < maxTextChars && end < text.length; n++) end += text.codePointAt(end)! > 0xffff ? 2 : 1
  if (end === text.length) return text
  // Through bytes, since a plain slice would keep the whole text in memory.
  return Buffer.from(text.slice(0, end)).toString()
}
