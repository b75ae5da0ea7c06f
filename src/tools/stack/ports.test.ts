import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { it } from 'node:test'
import { freePort, isFree } from './ports.ts'

it('tells a free port from a taken one, also where it is taken on all interfaces', async () => {
  assert.ok(await isFree(await freePort()))
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    assert.equal(await isFree(port), false)
    server.close()
    await once(server, 'close')
    assert.equal(await isFree(port), true)
  }
})

it('finds ports in a row, which no outgoing connection takes', async () => {
  const first = await freePort(6)
  for (let port = first; port < first + 6; port++) assert.ok(await isFree(port))
  assert.ok(first + 6 <= 32_768)
})
