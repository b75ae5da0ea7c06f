/** CRC32C (Castagnoli, RFC 3720 appendix B.4), the checksum of record batches; zlib's crc32 has another polynomial. */
import { createRequire } from 'node:module'
import { LogError } from '../log.ts'

/** A native build; missing where npm has none for the platform. */
const native = ((): typeof import('@node-rs/crc32') | undefined => {
  try {
    return createRequire(import.meta.url)('@node-rs/crc32')
  } catch {
    return undefined
  }
})()

/** The checksum of bytes [from, to), as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  return native!.crc32c(bytes.subarray(from, to))
}

/** To be called at the start. Throws LogError `refused` where this machine has no working build. */
export function checkCrc32c(): void {
  if (native?.crc32c(Buffer.from('123456789')) === 0xe3069283) return
  const platform = `${process.platform} ${process.arch}`
  throw new LogError('refused', `@node-rs/crc32 does not work here (${platform}): install again with npm ci`)
}
