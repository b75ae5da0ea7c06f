import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type { RowChunk } from '../row-binary.ts'
import type { Table } from '../table.ts'
import { toStoreError } from './client.ts'

/**
 * One INSERT of encoded rows; resolves when they are stored. It is safe to repeat after any error.
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
    // An insert's response is empty, but must be read to free the socket.
    await finished(response.stream.resume())
  } catch (error) {
    throw toStoreError(error, queryId)
  }
}

/**
 * The server reads values as the plain types that were written, and casts whole columns to their own types. Reading them one by
 * one into a LowCardinality column would look up each value in its dictionary, at four times the cost of a String.
 */
function insertQuery({ name, columns }: Table): string {
  const structure = Object.entries(columns).map((column) => column.join(' '))
  return `INSERT INTO ${name} (${Object.keys(columns).join(', ')}) SELECT * FROM input('${structure.join(', ')}') FORMAT RowBinary`
}
