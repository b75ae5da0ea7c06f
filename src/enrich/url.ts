/** Parts of a URL as text. No `URL` object: it costs microseconds, and throws at what browsers really send. */

/**
 * The lower-case host, without user and port; the empty string for a text that names none (`$direct`, `about:blank`,
 * `/path`). A host without a scheme is accepted when it has a dot.
 */
export function hostOf(url: string): string {
  const slash = url.indexOf('/')
  const hasScheme = slash >= 0 && url.startsWith('//', slash) && (slash === 0 || url[slash - 1] === ':')
  let start = hasScheme ? slash + 2 : 0
  let end = start
  let colon = -1
  for (; end < url.length; end++) {
    const char = url.charCodeAt(end)
    if (char === 0x2f || char === 0x3f || char === 0x23) break // / ? #
    if (char === 0x3a)
      colon = end // :
    else if (char === 0x40)
      start = end + 1 // @
    else if (char === 0x5d) colon = -1 // ] of an IPv6 address, whose colons are no port's
  }
  const host = url.slice(start, colon > start ? colon : end).toLowerCase()
  return hasScheme || host.includes('.') ? host : ''
}

/** The path, `/` where the URL has none. Query and fragment are left out. */
export function pathOf(url: string): string {
  const slash = url.indexOf('/')
  const hasHost = slash >= 0 && url.startsWith('//', slash)
  const start = hasHost ? url.indexOf('/', slash + 2) : slash
  if (start < 0) return '/'
  const path = url.slice(start)
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}

/** The query with its `?`, the empty string where there is none. A fragment with a query (`#/p?a=1`) counts too. */
export function queryOf(url: string): string {
  const start = url.indexOf('?')
  if (start < 0) return ''
  const end = url.indexOf('#', start)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

/** Calls `visit` with each parameter of a query, in order; the name in lower case, both of them decoded. */
export function eachParameter(query: string, visit: (name: string, value: string) => void): void {
  for (const pair of query.slice(1).split('&')) {
    const equals = pair.indexOf('=')
    if (equals > 0) visit(decode(pair.slice(0, equals)).toLowerCase(), decode(pair.slice(equals + 1)))
  }
}

/** A text with broken escapes, or escapes of another encoding than UTF-8 (Baidu's GBK), stays as it came. */
function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return text
  }
}
