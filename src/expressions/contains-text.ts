/** Up to this length the JavaScript engine's own search is faster on any text. */
const maxShortChars = 64

/**
 * Whether a text contains another. At worst the JavaScript engine's search takes time in the product of both lengths, and
 * both texts may come from one event. For a long part we look at each character once or twice instead (Knuth, Morris and
 * Pratt, 1977).
 */
export function containsText(text: string, part: string): boolean {
  if (part.length <= maxShortChars || part.length > text.length) return text.includes(part)
  const borders = bordersOf(part)
  for (let at = 0, matched = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    while (matched > 0 && part.charCodeAt(matched) !== unit) matched = borders[matched - 1]!
    if (part.charCodeAt(matched) === unit) matched++
    if (matched === part.length) return true
  }
  return false
}

/** For each prefix of the part, the length of its longest proper prefix that is also its suffix. */
function bordersOf(part: string): Int32Array {
  const borders = new Int32Array(part.length)
  for (let at = 1, matched = 0; at < part.length; at++) {
    while (matched > 0 && part.charCodeAt(at) !== part.charCodeAt(matched)) matched = borders[matched - 1]!
    if (part.charCodeAt(at) === part.charCodeAt(matched)) matched++
    borders[at] = matched
  }
  return borders
}
