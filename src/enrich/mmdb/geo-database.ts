import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Reader } from 'mmdb-lib'
import type { GeoReader } from '../geo.ts'

export interface GeoDatabase {
  readonly read: GeoReader
  /** What the file calls itself, for instance `GeoLite2-City`. */
  readonly type: string
  readonly builtAtMs: number
  /** SHA-256 of the file, as hex. */
  readonly sha256: string
}

/** The file can't be read, or is not a sound MaxMind DB. The message names the file and says why. */
export class GeoDatabaseError extends Error {
  readonly code = 'GEO_DATABASE'

  constructor(path: string, cause: unknown) {
    super(`geo database ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'GeoDatabaseError'
  }
}

/** Far deeper than any real record of a place, and far from the stack's limit. */
const maxDepth = 32

/**
 * Opens a MaxMind DB file (.mmdb) and keeps it in memory. The reader library checks little and would answer from any bytes,
 * so the whole search tree and every record are checked here, once: no later look-up can fail. That blocks the thread for
 * 0.1 s per million nodes.
 */
export function openGeoDatabase(path: string): GeoDatabase {
  try {
    return open(readFileSync(path))
  } catch (cause) {
    throw new GeoDatabaseError(path, cause)
  }
}

function open(file: Buffer): GeoDatabase {
  const reader = new Reader(file)
  const { binaryFormatMajorVersion, ipVersion, nodeCount, searchTreeSize, databaseType, buildEpoch } = reader.metadata
  refuseIf(binaryFormatMajorVersion !== 2, `format version ${binaryFormatMajorVersion} is not supported`)
  refuseIf(ipVersion !== 4 && ipVersion !== 6, `IP version ${ipVersion} is not supported`)
  refuseIf(!Number.isSafeInteger(nodeCount) || nodeCount < 1, 'the number of nodes is not a number')
  refuseIf(Number.isNaN(buildEpoch.getTime()), 'the build date is out of range')
  const separator = file.subarray(searchTreeSize, searchTreeSize + 16)
  refuseIf(
    separator.length < 16 || separator.some((byte) => byte !== 0),
    'the search tree does not end where it should',
  )
  checkTree(file, reader)

  // In a v4 tree, the first 32 bits of a v6 address would be read as a v4 address.
  const read: GeoReader = ipVersion === 6 ? (ip) => reader.get(ip) : (ip) => (ip.includes(':') ? null : reader.get(ip))
  const sha256 = createHash('sha256').update(file).digest('hex')
  return { read, type: databaseType, builtAtMs: buildEpoch.getTime(), sha256 }
}

/**
 * Walks all nodes from the root, and looks up each distinct record by the first address that leads to it. Subtrees are
 * shared (IPv4 lies at several places of an IPv6 tree), so each node's height is kept. A node below the last bit of an
 * address means a cycle.
 */
function checkTree(file: Buffer, reader: InstanceType<typeof Reader>): void {
  const { ipVersion, nodeCount, nodeByteSize } = reader.metadata
  const address = Buffer.alloc(ipVersion === 4 ? 4 : 16)
  const heights = new Uint8Array(nodeCount)
  const seen = new Set<number>()

  function visit(record: number, depth: number): number {
    if (record === nodeCount) return 0
    if (record > nodeCount) {
      if (!seen.has(record)) checkRecord(record)
      return 0
    }
    const known = heights[record]!
    refuseIf(depth + Math.max(known, 1) > address.length * 8, 'the search tree is corrupt')
    if (known > 0) return known
    const left = visit(child(file, record * nodeByteSize, nodeByteSize, 0), depth + 1)
    address[depth >> 3]! |= 128 >> (depth & 7)
    const right = visit(child(file, record * nodeByteSize, nodeByteSize, 1), depth + 1)
    address[depth >> 3]! &= ~(128 >> (depth & 7))
    heights[record] = 1 + Math.max(left, right)
    return heights[record]!
  }

  function checkRecord(record: number): void {
    seen.add(record)
    refuseIf(record < nodeCount + 16, 'a node points into the separator')
    refuseIf(!isPlausible(reader.get(toText(address)), 0), 'a record holds impossible values')
  }

  visit(0, 0)
  refuseIf(heights.includes(0), 'the search tree has nodes that no address leads to')
}

/** One side of a node: 24, 28 or 32 bits. Two sides of 28 bits share the node's middle byte. */
function child(file: Buffer, node: number, nodeByteSize: number, side: 0 | 1): number {
  if (nodeByteSize === 6) return file.readUIntBE(node + side * 3, 3)
  if (nodeByteSize === 8) return file.readUInt32BE(node + side * 4)
  const middle = file.readUInt8(node + 3)
  return (side === 0 ? middle >> 4 : middle & 15) * 2 ** 24 + file.readUIntBE(node + side * 4, 3)
}

function toText(address: Buffer): string {
  return address.length === 4 ? address.join('.') : address.toString('hex').replace(/(.{4})(?!$)/g, '$1:')
}

/** A number with a wrong length decodes to noise close to 0, a text of wrong bytes to U+FFFD. */
function isPlausible(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return value === 0 || Math.abs(value) > 1e-9
  if (typeof value === 'string') return !value.includes('\uFFFD')
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return true
  if (depth === maxDepth) return false
  return Object.entries(value).every(([key, item]) => isPlausible(key, depth) && isPlausible(item, depth + 1))
}

function refuseIf(wrong: boolean, why: string): void {
  if (wrong) throw new Error(why)
}
