import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { parseAccessLogLine, readAccessLog } from './access-log.ts'
import { readCsv } from './csv.ts'
import { readNdjson } from './ndjson.ts'
import { type Row, SourceError } from './row.ts'

export type SourceFormat = 'ndjson' | 'csv' | 'access-log'

export interface SourceOptions {
  /** If left out, the ending of the name decides, else the first line. */
  readonly format?: SourceFormat
  /** The columns of a CSV file that hold numbers; all others are texts. */
  readonly numbers?: readonly string[]
  /** Called after each read with the bytes so far, as they are on disk; `totalBytes` is undefined for stdin. */
  readonly onProgress?: (readBytes: number, totalBytes: number | undefined) => void
}

export interface Source {
  readonly format: SourceFormat
  /** To be iterated once, to its end or up to a `break`; throws a `SourceError`. */
  readonly rows: AsyncIterable<readonly Row[]>
}

type Reader = (chunks: AsyncIterable<Buffer>, numbers?: readonly string[]) => AsyncIterable<readonly Row[]>

const readers: Record<SourceFormat, Reader> = {
  ndjson: readNdjson,
  csv: readCsv,
  'access-log': readAccessLog,
}

const readBytesAtOnce = 1 << 16

/** Enough to tell the format. */
const peekBytes = 1024

/**
 * Opens a file to replay; `-` is stdin. Gzip is known by its first bytes, whatever the name. Reads as it is
 * iterated, and holds a few chunks of 64 KiB. Throws a `SourceError` if the file can't be read or its format can't be told.
 */
export async function openSource(path: string, options: SourceOptions = {}): Promise<Source> {
  try {
    const stored = await peek(readFile(path, options.onProgress))
    const zipped = stored.first[0] === 0x1f && stored.first[1] === 0x8b
    const plain = await asUtf8(zipped ? await peek(gunzip(stored.all)) : stored)
    const format = options.format ?? formatOfName(path) ?? formatOfContent(plain.first)
    if (format === undefined) {
      const help = 'name it .ndjson, .csv, .tsv or .log, or give the format'
      throw new SourceError('unknown_format', `neither its name nor its first line tells the format: ${help}`)
    }
    return { format, rows: named(path, readers[format](plain.all, options.numbers)) }
  } catch (cause) {
    throw withName(path, cause)
  }
}

async function* readFile(path: string, onProgress: SourceOptions['onProgress']): AsyncGenerator<Buffer> {
  const totalBytes = path === '-' ? undefined : (await stat(path)).size
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: readBytesAtOnce })
  let readBytes = 0
  for await (const chunk of stream) {
    readBytes += chunk.length
    onProgress?.(readBytes, totalBytes)
    yield chunk
  }
}

function gunzip(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  // The iteration throws what the pipeline fails with, so its callback has nothing to add.
  return pipeline(chunks, createGunzip({ chunkSize: readBytesAtOnce }), () => undefined)
}

/** UTF-16 is recognised by its byte order mark. @throws SourceError if it does not begin like text at all */
async function asUtf8(plain: Peeked): Promise<Peeked> {
  const [first, second] = plain.first
  const isBigEndian = first === 0xfe && second === 0xff
  const isLittleEndian = first === 0xff && second === 0xfe && !(plain.first[2] === 0 && plain.first[3] === 0)
  if (isBigEndian || isLittleEndian) return await peek(decoded(plain.all, isBigEndian ? 'utf-16be' : 'utf-16le'))
  if (!plain.first.includes(0)) return plain
  throw new SourceError(
    'broken',
    'it holds NUL bytes: it is no text, or UTF-16 or UTF-32 that beckon does not know by its mark',
  )
}

async function* decoded(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding)
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }))
  yield Buffer.from(decoder.decode())
}

async function* named(path: string, rows: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  try {
    yield* rows
  } catch (cause) {
    throw withName(path, cause)
  }
}

function withName(path: string, cause: unknown): SourceError {
  const code = cause instanceof SourceError ? cause.code : 'unreadable'
  return new SourceError(code, `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}

interface Peeked {
  /** At least `peekBytes`, less only where there are no more. */
  readonly first: Buffer
  /** All chunks, with the first ones. */
  readonly all: AsyncIterable<Buffer>
}

async function peek(chunks: AsyncIterable<Buffer>): Promise<Peeked> {
  const iterator = chunks[Symbol.asyncIterator]()
  let first = Buffer.alloc(0)
  while (first.length < peekBytes) {
    const { value, done } = await iterator.next()
    if (done === true) break
    first = Buffer.concat([first, value])
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield first
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { first, all: all() }
}

function formatOfName(path: string): SourceFormat | undefined {
  const name = path.toLowerCase().replace(/\.gz$/, '')
  if (/\.(ndjson|jsonl|json)$/.test(name)) return 'ndjson'
  if (/\.[ct]sv$/.test(name)) return 'csv'
  return name.endsWith('.log') ? 'access-log' : undefined
}

function formatOfContent(first: Buffer): SourceFormat | undefined {
  const text = first
    .toString()
    .replace(/^\uFEFF/, '')
    .trimStart()
  const line = text.slice(0, text.search(/[\r\n]|$/))
  if (line.startsWith('{')) return 'ndjson'
  if (typeof parseAccessLogLine(line) !== 'string') return 'access-log'
  return /[,;\t|]/.test(line) ? 'csv' : undefined
}
