/** Reads a dead letter written by `emit/dead-letter.ts`. Anyone may have written its headers, so nothing in them is trusted. */
import type { OutRecord, RecordBatch } from '../../events/log.ts'

/** Where the record came from, and where it could go back to. */
interface Origin {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface DeadLetter {
  /** In the dead-letter topic. */
  readonly partition: number
  readonly offset: number
  readonly reason: string
  readonly detail: string
  /** undefined if the headers do not tell: not one of ours. */
  readonly from: Origin | undefined
  /** When it became a dead letter; ms, 0 if the headers do not tell. */
  readonly timeMs: number
  /** The record's own timestamp; ms, undefined if the headers do not tell. */
  readonly timestampMs: number | undefined
  readonly schemaId: number | undefined
  /** The length of the original value; less may have been kept. */
  readonly valueBytes: number
  /** Its value, its key or its headers were not kept whole. */
  readonly cut: boolean
  /** How often it was redriven before it became this dead letter. */
  readonly redriven: number
}

const prefix = 'beckon.errors.'
/** The dead letters that a record has been, as `topic-partition-offset`, separated by commas. Guards against loops. */
const redrivenHeader = 'beckon.redriven'

export function readDeadLetter(batch: RecordBatch, i: number): DeadLetter {
  const headers = new Map(batch.headers(i).map(({ name, value }) => [name, value?.toString() ?? '']))
  const text = (name: string) => headers.get(prefix + name) ?? ''
  const whole = (name: string) => (/^\d{1,15}$/.test(text(name)) ? Number(text(name)) : undefined)
  const [topic, partition, offset] = [text('topic'), whole('partition'), whole('offset')]
  const known = topic !== '' && partition !== undefined && offset !== undefined
  return {
    partition: batch.partition,
    offset: batch.offset(i),
    reason: text('reason'),
    detail: text('detail'),
    from: known ? { topic, partition, offset } : undefined,
    timeMs: whole('time') ?? 0,
    timestampMs: whole('timestamp'),
    schemaId: whole('schema_id'),
    valueBytes: whole('value_bytes') ?? batch.value(i)?.length ?? 0,
    cut: ['value_bytes', 'key_bytes', 'header_bytes'].some((name) => whole(name) !== undefined),
    redriven: trail(headers.get(redrivenHeader)).length,
  }
}

/**
 * The original record, for the partition it came from: key, value, headers and timestamp, plus the list of dead letters that
 * it has been.
 */
export function redriveRecord(
  batch: RecordBatch,
  i: number,
  { topic, partition }: Origin,
  timestampMs: number | undefined,
): OutRecord {
  // Without a prototype: a producer may call a header `constructor` or `__proto__`.
  const headers: Record<string, (Buffer | string)[]> = Object.create(null)
  let earlier: string[] = []
  for (const { name, value } of batch.headers(i)) {
    if (name === redrivenHeader) earlier = trail(value?.toString())
    else if (!name.startsWith(prefix)) headers[name] = [...(headers[name] ?? []), value ?? '']
  }
  const here = `${batch.topic}-${batch.partition}-${batch.offset(i)}`
  headers[redrivenHeader] = [[...earlier, here].join(',')]
  const record = { topic, partition, key: batch.key(i), value: batch.value(i), headers }
  return timestampMs === undefined ? record : { ...record, timestampMs }
}

function trail(header: string | undefined): string[] {
  return header ? header.split(',') : []
}
