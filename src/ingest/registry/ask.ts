import { request as askHttp } from 'node:http'
import { request as askHttps } from 'node:https'

interface Asked {
  readonly headers: Readonly<Record<string, string>>
  /** Given: a POST. Left out: a GET. */
  readonly body?: string
  /** PEM of the certificate authority to trust; the system's if left out. */
  readonly ca?: string | undefined
  /** For the whole request and its answer; ms. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

export interface Answered {
  readonly status: number
  readonly contentType: string
  /** undefined if longer than `maxBytes`; the rest is not read. */
  readonly text: string | undefined
}

/**
 * One request over HTTP; redirects are not followed. (Not `fetch`: it can't be given a certificate authority.)
 * @throws the socket's or TLS's error, with its `code`; AbortError when the time is up
 */
export function ask(url: string, { headers, body, ca, timeoutMs, maxBytes }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const isHttps = url.startsWith('https:')
    const options = { method: body === undefined ? 'GET' : 'POST', headers, signal: AbortSignal.timeout(timeoutMs) }
    const request = isHttps ? askHttps(url, { ...options, ...(ca === undefined ? {} : { ca }) }) : askHttp(url, options)
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const answer = (text: string | undefined) =>
        resolve({ status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', text })
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= maxBytes) return void chunks.push(chunk)
        answer(undefined)
        request.destroy()
      })
      response.on('end', () => answer(Buffer.concat(chunks).toString()))
    })
    request.end(body)
  })
}
