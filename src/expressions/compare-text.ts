/**
 * The order of texts by code point, which is CEL's and the order of their UTF-8 bytes in ClickHouse. JavaScript's own is by
 * UTF-16 unit: a surrogate (of a code point past U+FFFF) comes after every other unit here. Negative where a comes first.
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
