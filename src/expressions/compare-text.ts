/**
 * Orders texts by code point, like CEL, and like ClickHouse, which compares UTF-8 bytes. JavaScript compares UTF-16 units;
 * here a surrogate, which is half of a code point past U+FFFF, comes after every other unit. Negative if a comes first.
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x === y) continue
    const [xHigh, yHigh] = [(x & 0xf800) === 0xd800, (y & 0xf800) === 0xd800]
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1
  }
  return a.length - b.length
}
