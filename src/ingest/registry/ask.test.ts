import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask } from './ask.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

test('https trusts the certificate authority that is given', { skip: !hasOpenssl && 'needs openssl' }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-ask-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const asked = { headers: { accept: 'text/plain' }, timeoutMs: 10_000, maxBytes: 10 }
  try {
    const of = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile, ...of]
    assert.equal(spawnSync('openssl', made).status, 0)
    const cert = readFileSync(certFile, 'utf8')
    const server = createServer({ key: readFileSync(keyFile), cert }, (request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(`${request.method} ${request.url}`)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/a`
    try {
      const answer = await ask(url, { ...asked, ca: cert })
      assert.deepEqual(answer, { status: 200, contentType: 'text/plain', text: 'GET /a' })
      assert.equal((await ask(`${url}/long/long`, { ...asked, ca: cert })).text, undefined)
      await assert.rejects(ask(url, asked), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
