import type { OutRecord } from './log.ts'

/** Roughly what a record takes in memory and in a request besides its bytes: lengths, its place in a batch. */
const overheadBytes = 100

/** Roughly how large a record is, with its key and headers; bytes. */
export function recordBytes({ key, value, headers }: OutRecord): number {
  let bytes = overheadBytes + lengthOf(key) + lengthOf(value)
  for (const name in headers) {
    const values = headers[name]!
    const repeated = typeof values === 'string' || Buffer.isBuffer(values) ? undefined : values
    if (repeated === undefined) bytes += lengthOf(name) + lengthOf(values as Buffer | string)
    else for (const one of repeated) bytes += lengthOf(name) + lengthOf(one)
  }
  return bytes
}

function lengthOf(bytes: Buffer | string | null): number {
  return bytes === null ? 0 : Buffer.byteLength(bytes)
}
