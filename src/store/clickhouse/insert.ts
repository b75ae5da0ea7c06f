import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { RowChunk } from '../row-binary.ts'
import type { Table } from '../table.ts'
import { toStoreError } from './client.ts'

/**
 * One INSERT of encoded rows; resolves when they are stored. It may be repeated blindly after any error.
 * @throws StoreError
 */
export async function insertRows(
  client: ClickHouseClient,
  table: Table,
  chunks: readonly RowChunk[],
  signal?: AbortSignal,
): Promise<void> {
  const queryId = randomUUID()
  try {
    const response = await client.exec({
      query: insertQuery(table),
      values: Readable.from(chunks.map((chunk) => chunk.bytes)),
      query_id: queryId,
      ...(signal === undefined ? {} : { abort_signal: signal }),
    })
    // The response of an insert is empty; the socket is free once it is read.
    await finished(response.stream.resume())
  } catch (error) {
    throw toStoreError(error, queryId)
  }
}

/**
 * Values are read as the plain types that were written, and cast to the columns' own a whole column at a time: read one
 * by one into a LowCardinality column, each value is looked up in its dictionary at four times the cost of a String.
 */
function insertQuery({ name, columns }: Table): string {
  const structure = Object.entries(columns).map((column) => column.join(' '))
  return `INSERT INTO ${name} (${Object.keys(columns).join(', ')}) SELECT * FROM input('${structure.join(', ')}') FORMAT RowBinary`
}
