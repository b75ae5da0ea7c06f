import type { Scalar } from './order.ts'

/**
 * A 64-bit hash of a value as two halves of 32 bits: FNV-1a over a byte for its type and its bytes (a text's UTF-16 units,
 * a number's IEEE 754 bits, low byte first). Then MurmurHash3's 32-bit finalizer mixes the halves, since FNV's upper bits
 * are uneven. Sketches are stored, so this must never change. http://www.isthe.com/chongo/tech/comp/fnv/
 * @param into takes the high and the low half
 */
export function hashScalar(value: Scalar, into: Uint32Array): void {
  high = 0xcbf29ce4
  low = 0x84222325
  if (typeof value === 'string') {
    addByte(2)
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      addByte(unit & 0xff)
      addByte(unit >>> 8)
    }
  } else if (typeof value === 'number') {
    addByte(1)
    // A Set treats -0 and 0 as the same.
    double.setFloat64(0, value === 0 ? 0 : value, true)
    for (let i = 0; i < 8; i++) addByte(double.getUint8(i))
  } else addByte(value ? 4 : 3)
  into[0] = high ^ mix(low)
  into[1] = low ^ mix(into[0]!)
}

let high = 0
let low = 0
const double = new DataView(new ArrayBuffer(8))

/** state = (state ^ byte) · (2^40 + 0x1b3) modulo 2^64. */
function addByte(byte: number): void {
  low = (low ^ byte) >>> 0
  const product = low * 0x1b3
  high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 0x1_0000_0000)) >>> 0
  low = product >>> 0
}

function mix(half: number): number {
  let h = Math.imul(half ^ (half >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
