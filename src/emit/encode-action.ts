import avro from 'avsc'
import type { OutRecord } from '../events/log.ts'
import { type PublishedAction, toScalar } from './action.ts'

/**
 * How actions are written: JSON, or Avro in the Confluent wire format under a schema id. In Avro, lists and maps in a payload
 * are JSON texts.
 */
export type ActionFormat = { readonly wire: { readonly schemaId: number; readonly schema: string } } | 'json'

/**
 * Encodes actions as records: keyed by the customer, with the headers of a CloudEvent in Kafka's binary mode (CloudEvents
 * 1.0, Kafka protocol binding). The record's timestamp is left to the producer: a broker refuses one that is too far from
 * its own clock.
 */
export function compileActionEncoder(topic: string, format: ActionFormat): (action: PublishedAction) => OutRecord {
  const encode = format === 'json' ? encodeJson : wireEncoder(format.wire.schemaId, format.wire.schema)
  const contentType = format === 'json' ? 'application/json' : 'application/avro'
  return (action) => ({
    topic,
    key: action.customer,
    value: encode(action),
    headers: {
      ce_specversion: '1.0',
      ce_id: action.kind === 'action' ? action.id : `${action.id}.${action.kind}`,
      ce_source: `/beckon/${action.topic}/${action.partition}`,
      ce_type: `beckon.${action.kind}.${action.action}`,
      ce_time: isoTime(action.time),
      'content-type': contentType,
    },
  })
}

const encodeJson = (action: PublishedAction) => Buffer.from(JSON.stringify(action))

/** The wire format: a zero byte, the schema's id as int32, the Avro value. */
function wireEncoder(schemaId: number, schema: string): (action: PublishedAction) => Buffer {
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, { wrapUnions: 'never' })
  // We encode into one reused buffer and copy from it: `toBuffer` would allocate memory from the system for every value.
  let place = Buffer.alloc(1024)
  place.writeInt32BE(schemaId, 1)
  return (published) => {
    const payload = Object.fromEntries(Object.entries(published.payload).map(([name, of]) => [name, toScalar(of)]))
    const action = { ...published, payload }
    let end = type.encode(action, place, 5)
    if (end < 0) {
      place = Buffer.concat([place], place.length - end)
      end = type.encode(action, place, 5)
    }
    return Buffer.from(place.subarray(0, end))
  }
}

/** RFC 3339. This only formats a given time; the lint rule is about reading the clock. */
// biome-ignore lint/style/noRestrictedGlobals: no clock is read.
const isoTime = (ms: number) => new Date(ms).toISOString()
