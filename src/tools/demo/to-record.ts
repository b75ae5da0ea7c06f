import type { OutRecord } from '../../events/log.ts'
import type { ShopRecord } from './shop.ts'

const brace = '{'.charCodeAt(0)

/**
 * A record of the shop for a JSON topic. Some bad records are whole JSON where the wire format is expected; here these are cut
 * off in the middle, since whole JSON would be fine.
 */
export function toJsonRecord(record: ShopRecord, topic: string, partition: number): OutRecord {
  return { topic, partition, key: record.key, value: bytesOf(record), headers: {} }
}

function bytesOf(record: ShopRecord): Buffer {
  if (!('bytes' in record)) return Buffer.from(JSON.stringify(record.event))
  const { bytes } = record
  return bytes[0] === brace ? bytes.subarray(0, bytes.length >> 1) : bytes
}
