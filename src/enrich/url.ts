/** Parts of a URL as text. No `URL` object: it costs microseconds, and throws on what browsers really send. */

import { cleanText } from '../events/text.ts'

/**
 * The lower-case host, without user and port; empty for a text that names no host (`$direct`, `about:blank`, `/path`). A
 * host without a scheme is accepted if it has a dot.
 */
export function hostOf(url: string): string {
  const hostAt = startOfHost(url)
  let start = Math.max(hostAt, 0)
  let end = start
  let colon = -1
  for (; end < url.length; end++) {
    const char = url[end]
    if (char === '/' || char === '?' || char === '#') break
    if (char === ':') colon = end
    else if (char === '@') start = end + 1
    else if (char === ']') colon = -1 // An IPv6 address has ended; its colons start no port.
  }
  const host = url.slice(start, colon > start ? colon : end).toLowerCase()
  return hostAt >= 0 || host.includes('.') ? host : ''
}

/**
 * The start of a URL, up to the end of its host or a bit further. Its `hostOf` is the URL's; it is the same for most pages
 * of a site, and far cheaper to find than the host.
 */
export function originOf(url: string): string {
  const end = url.indexOf('/', url.indexOf('//') + 2)
  return end < 0 ? url : url.slice(0, end)
}

/** The path, `/` if the URL has none. Query and fragment are left out. */
export function pathOf(url: string): string {
  const hostAt = startOfHost(url)
  const slash = url.indexOf('/', Math.max(hostAt, 0))
  const end = url.search(/[?#]/)
  if (slash < 0 || (end >= 0 && end < slash)) return '/'
  return end < 0 ? url.slice(slash) : url.slice(slash, end)
}

/** The place after `scheme://` or `//`; -1 if the URL starts with neither. */
function startOfHost(url: string): number {
  const slash = url.indexOf('/')
  if (slash < 0 || url.charCodeAt(slash + 1) !== 0x2f) return -1
  return slash === 0 || /^[a-z][a-z0-9+.-]*:$/i.test(url.slice(0, slash)) ? slash + 2 : -1
}

/** The query with its `?`; empty if there is none. A query within the fragment (`#/p?a=1`) counts too. */
export function queryOf(url: string): string {
  const start = url.indexOf('?')
  if (start < 0) return ''
  const end = url.indexOf('#', start)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

/**
 * Parameters read per query; the rest is ignored. A broken escape costs some microseconds, and a query full of them would
 * hold up all other events.
 */
export const maxParameters = 200

/** Calls `visit` with each parameter of a query, in order. Name and value are decoded, the name is in lower case. */
export function eachParameter(query: string, visit: (name: string, value: string) => void): void {
  for (const pair of query.slice(1).split(/&(?:amp;)?/, maxParameters)) readParameter(pair, visit)
}

/** Calls `visit` with the parameter in `name=value`, as `eachParameter` does; does nothing for any other text. */
export function readParameter(pair: string, visit: (name: string, value: string) => void): void {
  const equals = pair.indexOf('=')
  if (equals > 0) visit(decode(pair.slice(0, equals)).toLowerCase(), decode(pair.slice(equals + 1)))
}

/**
 * Escapes may hide characters that text from outside must not have, so the text is cleaned once more. A text with broken
 * escapes, or with escapes in another encoding than UTF-8 (Baidu's GBK), stays as it came.
 */
function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return cleanText(decodeURIComponent(spaced))
  } catch {
    return text
  }
}
