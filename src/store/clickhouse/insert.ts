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
      query: `INSERT INTO ${table.name} (${table.columns.join(', ')}) FORMAT RowBinary`,
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
