import type { OutRecord } from './log.ts'

/** About what a record takes in memory and in a request: lengths, its place in a batch. */
const overheadBytes = 100

/** How large a record is, about, with its key and headers; bytes. */
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
