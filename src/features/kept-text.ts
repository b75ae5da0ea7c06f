/**
 * A text counts in aggregates with so many of its first code points, however long it is: what an aggregate keeps lies in the
 * profile, which is written whole at each checkpoint. SQL cuts alike (`substringUTF8`), so the number is part of what features mean.
 */
export const maxTextChars = 1_024

/** What aggregates take of a value: a text that is too long is cut, between two code points; all else stays as it is. */
export const boundText = (value: unknown): unknown =>
  typeof value === 'string' && value.length > maxTextChars ? cutText(value) : value

function cutText(text: string): string {
  let end = 0
  for (let n = 0; n < maxTextChars && end < text.length; n++) end += text.codePointAt(end)! > 0xffff ? 2 : 1
  if (end === text.length) return text
  // By way of bytes, since a mere slice would keep the whole text in memory.
  return Buffer.from(text.slice(0, end)).toString()
}
