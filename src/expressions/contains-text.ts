/** Up to here the engine's own search is faster, at whatever it is given. */
const maxShortChars = 64

/**
 * Whether a text holds another. The engine's search takes the product of both lengths at worst, and both may come from one
 * event: with a long part each character is looked at once or twice (Knuth, Morris and Pratt, 1977).
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

/** For each start of the part, the length of the longest shorter start with which it ends. */
function bordersOf(part: string): Int32Array {
  const borders = new Int32Array(part.length)
  for (let at = 1, matched = 0; at < part.length; at++) {
    while (matched > 0 && part.charCodeAt(at) !== part.charCodeAt(matched)) matched = borders[matched - 1]!
    if (part.charCodeAt(at) === part.charCodeAt(matched)) matched++
    borders[at] = matched
  }
  return borders
}
