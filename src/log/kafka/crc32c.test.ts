import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from './crc32c.ts'

const stockCrc = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C')

test('it gives the vectors of RFC 3720 appendix B.4, and the check value of the polynomial', () => {
  const ascending = Array.from({ length: 32 }, (_, i) => i)
  const vectors: [bytes: Uint8Array, crc: number][] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from(ascending), 0x46dd794e],
    [Uint8Array.from(ascending.toReversed()), 0x113fdb5c],
    [Buffer.from('123456789'), 0xe3069283],
    [new Uint8Array(0), 0],
  ]
  for (const [bytes, crc] of vectors) assert.equal(crc32c(bytes, 0, bytes.length), crc)
})

test('for any range of any bytes it gives the same as kafkajs, which goes byte by byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), fc.nat(40), (bytes, skipped, left) => {
      const from = Math.min(skipped, bytes.length)
      const to = Math.max(from, bytes.length - left)
      assert.equal(crc32c(bytes, from, to), stockCrc(bytes.subarray(from, to)))
    }),
  )
})
