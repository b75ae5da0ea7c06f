/**
 * CRC32C (Castagnoli, RFC 3720 appendix B.4), the checksum of record batches; zlib's crc32 has another polynomial. Eight
 * bytes a step through eight tables ("slicing by 8", Kounavis and Berry 2005): some three times as fast as one by one.
 */
const reversedPolynomial = 0x82f63b78
const slices = 8

/** Table k, at k * 256: what a byte does to the checksum when k zero bytes follow it. */
const tables = new Int32Array(slices * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ reversedPolynomial : crc >>> 1
  tables[byte] = crc
}
for (let at = 256; at < tables.length; at++) {
  const before = tables[at - 256]!
  tables[at] = (before >>> 8) ^ tables[before & 0xff]!
}

/** Of bytes [from, to); an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const table = tables
  let crc = -1
  let at = from
  for (; at + slices <= to; at += slices) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      table[1792 + (low & 0xff)]! ^
      table[1536 + ((low >>> 8) & 0xff)]! ^
      table[1280 + ((low >>> 16) & 0xff)]! ^
      table[1024 + (low >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^
      table[512 + bytes[at + 5]!]! ^
      table[256 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!
  }
  for (; at < to; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
