/** A real ClickHouse from the chdb package, serving HTTP on the loopback interface. */
import { fileURLToPath } from 'node:url'
import { localUser, readPassword } from '../../../store/clickhouse/local-access.ts'
import type { Part } from '../part.ts'
import { noteServer, prepareAccess } from './access.ts'

export const server: Part = {
  name: 'clickhouse',
  service: 'clickhouse',

  needs: () => ['chdb'],

  async prepare(folder, port) {
    prepareAccess(folder)
    noteServer(folder, port)
    const serve = fileURLToPath(new URL('./serve.js', import.meta.url))
    // As in ClickHouse's own image, times without a zone are UTC.
    return { command: process.execPath, args: [serve, folder, String(port)], env: { TZ: 'UTC' } }
  },

  ports: (port) => [port],

  async probe(port, folder) {
    const query = new URL('/?query=SELECT+version()', server.address(port))
    // ClickHouse waits 5 s for open connections when it stops, so the probe leaves none.
    const headers: Record<string, string> = { connection: 'close' }
    const password = readPassword(folder)
    if (password) headers['authorization'] = `Basic ${Buffer.from(`${localUser}:${password}`).toString('base64')}`
    const response = await fetch(query, { headers, signal: AbortSignal.timeout(2_000) })
    if (!response.ok) throw new Error(`ClickHouse answers ${response.status}`)
    return (await response.text()).trim()
  },

  address: (port) => `http://127.0.0.1:${port}`,
}
