/**
 * Kafka's four codecs, with a bound on what a batch may decompress to: a producer could send 1 MiB that unpacks to a
 * gigabyte. kafkajs itself only knows gzip, and its consumer stops for good at the first batch of another codec.
 */
import assert from 'node:assert/strict'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import kafkajs from 'kafkajs'
import createSnappy from 'kafkajs-snappy'
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import { LogError } from '../log.ts'

/** The most bytes that one record batch may unpack to. */
export const maxBatchBytes = 64 * 1024 * 1024

const gzip = promisify(zlib.gzip)
const unzip = promisify(zlib.unzip)
const snappy = createSnappy()

interface Codec {
  readonly name: string
  /** `sampleText`, compressed by other software, in base64. */
  readonly sample: string
  /** Throws LogError `unreadable` where it is corrupt or unpacks to more than maxBatchBytes. */
  decompress(bytes: Buffer): Promise<Buffer>
  compress(bytes: Buffer): Promise<Buffer>
}

const sampleText = 'beckon beckon beckon beckon'

/** By the codec's number in a batch's attributes; 0 means no codec. */
export const codecs: ReadonlyMap<number, Codec> = new Map(
  [
    {
      name: 'gzip',
      sample: 'H4sIAAAAAAACA0tKTc7Oz1NIwkIBAGANSHQbAAAA',
      decompress: (bytes: Buffer) => unzip(bytes, { maxOutputLength: maxBatchBytes }),
      compress: (bytes: Buffer) => gzip(bytes),
    },
    {
      name: 'snappy',
      sample: 'GxhiZWNrb24gTgcA',
      decompress(bytes: Buffer) {
        requireBound(snappyBound(bytes))
        return snappy.decompress(bytes)
      },
      compress: (bytes: Buffer) => snappy.compress({ buffer: bytes }),
    },
    {
      name: 'lz4',
      sample: 'BCJNGGRApxAAAAB7YmVja29uIAcAUGVja29uAAAAAKazo/I=',
      decompress(bytes: Buffer) {
        requireBound(lz4Bound(bytes))
        return decompressFrameSync(bytes)
      },
      compress: (bytes: Buffer) => compressFrameSync(bytes),
    },
    {
      name: 'zstd',
      sample: 'KLUv/QRYbQAAOGJlY2tvbiABAKKLEQZ4raM=',
      decompress: (bytes: Buffer) => unzstd(bytes),
      compress(): Buffer {
        throw new LogError('refused', 'zstd can be read, not written')
      },
    },
  ].map(({ name, sample, decompress, compress }, i) => [
    i + 1,
    {
      name,
      sample,
      compress: async (bytes) => compress(bytes),
      async decompress(bytes) {
        try {
          // An empty batch is never compressed.
          assert.ok(bytes.length > 0, 'no bytes')
          return await decompress(bytes)
        } catch (error) {
          if (error instanceof LogError) throw error
          throw new LogError('unreadable', `corrupt or oversized ${name}`, error)
        }
      },
    },
  ]),
)

/**
 * Gives kafkajs all codecs, for its own decoder and for producers, and unpacks a sample of each, so that a missing native
 * build is found at the start, not when some producer turns on compression. Throws LogError `refused`.
 */
export async function registerCodecs(): Promise<void> {
  for (const [number, { name, sample, decompress, compress }] of codecs) {
    const codec = { decompress, compress: (encoder: { readonly buffer: Buffer }) => compress(encoder.buffer) }
    Object.assign(kafkajs.CompressionCodecs, { [number]: () => codec })
    const text = await decompress(Buffer.from(sample, 'base64')).then(String, () => undefined)
    if (text !== sampleText) throw new LogError('refused', `the codec ${name} does not work on this machine`)
  }
}

function requireBound(bytes: number): void {
  if (bytes > maxBatchBytes) {
    throw new LogError('unreadable', `a record batch unpacks to ${bytes} bytes, more than ${maxBatchBytes}`)
  }
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])

/** A snappy block begins with its unpacked length, as a varint. Java writes a frame of such blocks, each after its size. */
function snappyBound(bytes: Buffer): number {
  if (!bytes.subarray(0, 8).equals(xerialMagic)) return leadingVarint(bytes)
  let sum = 0
  for (let at = 16; at + 4 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at)
    sum += leadingVarint(bytes.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return sum
}

function leadingVarint(bytes: Buffer): number {
  let value = 0
  for (let i = 0; i < Math.min(bytes.length, 5); i++) {
    value += (bytes[i]! & 0x7f) * 2 ** (7 * i)
    if (bytes[i]! < 0x80) break
  }
  return value
}

/** An LZ4 frame states its largest block, and a block unpacks to at most 255 times its size. */
function lz4Bound(bytes: Buffer): number {
  const flags = bytes.readUInt8(4)
  const blockMax = 2 ** (8 + 2 * ((bytes.readUInt8(5) >> 4) & 7))
  const checksum = flags & 0x10 ? 4 : 0
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0)
  let sum = 0
  while (at + 4 <= bytes.length) {
    const size = bytes.readUInt32LE(at) & 0x7fffffff
    if (size === 0) break
    sum += Math.min(blockMax, 255 * size)
    at += 4 + size + checksum
  }
  return sum
}

type NativeUnzstd = (bytes: Buffer, options: { maxOutputLength: number }) => Buffer
/** Node 22.15 and later; about five times as fast as the one in JavaScript. */
const nativeUnzstd = (zlib as { readonly zstdDecompressSync?: NativeUnzstd }).zstdDecompressSync

function unzstd(bytes: Buffer): Buffer {
  requireBound(zstdBound(bytes))
  if (nativeUnzstd !== undefined) return nativeUnzstd(bytes, { maxOutputLength: maxBatchBytes })
  const blocks: Uint8Array[] = []
  new Decompress((block) => blocks.push(block)).push(bytes, true)
  return Buffer.concat(blocks)
}

const zstdMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const zstdBlockMax = 128 * 1024

/** By RFC 8878: frames of blocks, each of which unpacks to at most 128 KiB; a frame's window is allocated too. */
function zstdBound(bytes: Buffer): number {
  let sum = 0
  let at = 0
  while (at < bytes.length) {
    const magic = bytes.readUInt32LE(at)
    if (magic >>> 4 === skippableMagic >>> 4) {
      at += 8 + bytes.readUInt32LE(at + 4)
      continue
    }
    if (magic !== zstdMagic) throw new LogError('unreadable', 'corrupt zstd: no frame')
    const flags = bytes.readUInt8(at + 4)
    const singleSegment = (flags & 0x20) !== 0
    const sizeBytes = flags >> 6 === 0 ? Number(singleSegment) : 2 ** (flags >> 6)
    const sizeAt = at + 5 + (singleSegment ? 0 : 1) + [0, 1, 2, 4][flags & 3]!
    sum += singleSegment ? bytes.readUIntLE(sizeAt, Math.min(sizeBytes, 6)) : zstdWindow(bytes.readUInt8(at + 5))
    requireBound(sum)
    at = sizeAt + sizeBytes
    for (let last = false; !last; ) {
      const block = bytes.readUIntLE(at, 3)
      const size = block >> 3
      const repeated = ((block >> 1) & 3) === 1
      sum += ((block >> 1) & 3) === 2 ? zstdBlockMax : size
      requireBound(sum)
      last = (block & 1) === 1
      at += 3 + (repeated ? 1 : size)
    }
    if (flags & 0x04) at += 4
  }
  // If a frame is cut off, Node 22 unpacks what there is without an error.
  if (at !== bytes.length) throw new LogError('unreadable', 'corrupt zstd: cut off')
  return sum
}

function zstdWindow(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}
