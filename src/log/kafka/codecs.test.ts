import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codecs, maxBatchBytes, registerCodecs } from './codecs.ts'

const byName = new Map([...codecs.values()].map((codec) => [codec.name, codec]))
const unreadable = { name: 'LogError', code: 'unreadable', retriable: false }

test('all codecs work on this machine', async () => {
  await registerCodecs()
  assert.deepEqual([...byName.keys()], ['gzip', 'snappy', 'lz4', 'zstd'])
})

test('compressed bytes unpack to the same', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) >> 5))
  for (const name of ['gzip', 'snappy', 'lz4']) {
    const codec = byName.get(name)!
    assert.ok(bytes.equals(await codec.decompress(await codec.compress(bytes))), name)
  }
})

test('snappy in the frames that Java writes is read', async () => {
  const { compress, decompress } = byName.get('snappy')!
  const blocks = await Promise.all(['one ', 'two'].map((text) => compress(Buffer.from(text))))
  const sized = blocks.flatMap((block) => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(block.length)
    return [size, block]
  })
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  assert.equal(String(await decompress(Buffer.concat([header, ...sized]))), 'one two')
})

test('zstd with several blocks, as the zstd program writes it, is read', async () => {
  const packed = Buffer.from(
    'KLUv/QRYfAAAOGJlY2tvbiABAPb/yosRTAAACG8BAPz/ORACTAAACGUBAPz/ORACRQAACG4BAJzoDoQF/mBm',
    'base64',
  )
  const bytes = await byName.get('zstd')!.decompress(packed)
  assert.ok(bytes.equals(Buffer.from('beckon '.repeat(60_000))))
})

/** A zstd frame of blocks, each of which means 128 KiB of one byte. */
function zstdBomb(blocks: number): Buffer {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38])]
  for (let left = blocks; left > 0; left--) {
    const block = Buffer.from([0, 0, 0, 7])
    block.writeUIntLE((131_072 << 3) | 2 | (left === 1 ? 1 : 0), 0, 3)
    parts.push(block)
  }
  return Buffer.concat(parts)
}

test('a bomb is refused before it unpacks', async () => {
  const zeros = Buffer.alloc(maxBatchBytes + 1)
  for (const name of ['gzip', 'snappy', 'lz4']) {
    const codec = byName.get(name)!
    const bomb = await codec.compress(zeros)
    await assert.rejects(codec.decompress(bomb), unreadable, name)
  }
  const unpack = byName.get('zstd')!.decompress
  // The frame's window of 128 KiB counts too.
  assert.equal((await unpack(zstdBomb(511))).length, 511 * 131_072)
  await assert.rejects(unpack(zstdBomb(512)), unreadable)
  // A window of 2 TiB for a frame of one empty block.
  await assert.rejects(unpack(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 1, 0, 0])), unreadable)
})

test('a zstd frame that is cut off anywhere is unreadable, whichever Node unpacks it', async () => {
  const { sample, decompress } = byName.get('zstd')!
  const bytes = Buffer.from(sample, 'base64')
  for (let end = 0; end < bytes.length; end++) {
    await assert.rejects(decompress(bytes.subarray(0, end)), unreadable, `${end} bytes`)
  }
})

test('garbage and cut-off bytes are unreadable', async () => {
  for (const { name, sample, decompress } of codecs.values()) {
    const bytes = Buffer.from(sample, 'base64')
    await assert.rejects(decompress(Buffer.alloc(0)), unreadable, name)
    await assert.rejects(decompress(bytes.subarray(0, bytes.length >> 1)), unreadable, name)
    await assert.rejects(decompress(Buffer.from('not packed at all')), unreadable, name)
  }
})
