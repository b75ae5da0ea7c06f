import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { Properties } from '../../events/event.ts'
import { parseIsoTime } from '../../ingest/iso-time.ts'
import type { FieldMapping } from '../../ingest/mapping.ts'
import { readLines } from './lines.ts'
import type { Row } from './row.ts'

/** The fields of a line, in this order. `status` and `bytes` are numbers, `time` is ms since 1970 UTC. */
const names = ['customer', 'type', 'time', 'ip', 'method', 'url', 'status', 'bytes', 'referrer', 'userAgent'] as const

const vhostNames = [...names, 'vhost'] as const
/** An address or a list of them, the identity, the user. */
const senderPattern = /^([^\s,]+(?:, ?[^\s,]+)*) (\S+) (.*\S)$/

/** How the fields become an event; those that it does not name are properties. */
export const accessLogMapping: FieldMapping = {
  customer: 'customer',
  type: 'type',
  time: 'time',
  ip: 'ip',
  url: 'url',
  referrer: 'referrer',
  userAgent: 'userAgent',
}

const months = 'Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec'.split(',')
const pageExtensions = new Set(['', 'html', 'htm', 'xhtml', 'php', 'asp', 'aspx', 'jsp'])

/** Rows of a web server's log in the common or the combined format of Apache and nginx. */
export async function* readAccessLog(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Row[]> {
  for await (const lines of readLines(chunks)) {
    yield lines.map(({ line, bytes }): Row => {
      const fields = bytes === null ? 'the line is too long' : parseAccessLogLine(bytes.toString())
      return typeof fields === 'string' ? { kind: 'bad', line, detail: fields } : { kind: 'fields', line, fields }
    })
  }
}

/**
 * The fields of one line, or what is wrong with it. Reads from left to right once, whatever the line holds.
 * - A line may begin with the virtual host, as in Debian's `other_vhosts_access.log`: then it has a field more, `vhost`.
 * - Of a list of addresses, which a forwarding proxy makes, the first counts.
 * - `customer` is the address and a hash of the user agent: two browsers behind one address are two customers.
 * - `type` is `page` for a GET that was answered (2xx or 304) and whose path looks like a document's, `asset` for
 *   any other GET that was answered, and `request` for all else (other methods, redirects, errors).
 * - A request line that is no request (a port scan, say) leaves `method` and `url` empty.
 * - The last quote may be missing: servers cut long user agents. Fields behind the user agent are left out.
 * - `\"` and `\\` are unescaped; other escapes (`\xe4`, `\n`) stay as the server wrote them.
 */
export function parseAccessLogLine(text: string): Properties | string {
  const timeStart = text.indexOf(' [')
  const sender = readSender(text.slice(0, Math.max(timeStart, 0)))
  if (sender === undefined) return 'no address and time at the start of the line'

  const timeEnd = text.indexOf('] "', timeStart)
  const time = timeEnd < 0 ? Number.NaN : parseLogTime(text.slice(timeStart + 2, timeEnd))
  if (Number.isNaN(time)) return 'the time is not like 17/May/2015:10:05:03 +0000'

  const request = readQuoted(text, timeEnd + 2)
  const statusStart = request.end + 1
  const status = text.slice(statusStart, statusStart + 3)
  if (text[request.end] !== ' ' || !isDigits(status) || status.length !== 3) return 'no status after the request'
  const bytesStart = statusStart + 4
  const space = text.indexOf(' ', bytesStart)
  const bytes = text.slice(bytesStart, space < 0 ? text.length : space)
  if (text[bytesStart - 1] !== ' ' || (bytes !== '-' && !isDigits(bytes))) return 'no number of bytes after the status'

  const agents = space < 0 ? noAgents : readAgents(text, space + 1)
  if (agents === undefined) return 'what follows the bytes is no referrer and user agent, each in quotes'
  const { referrer, userAgent } = agents

  const [method, url] = splitRequest(request.value)
  const { address, vhost } = sender
  const values = [
    `${address}-${createHash('sha256').update(userAgent).digest('hex').slice(0, 12)}`,
    typeOf(method, url, Number(status)),
    time,
    address === '-' ? '' : address,
    method,
    url,
    Number(status),
    bytes === '-' ? 0 : Number(bytes),
    referrer,
    userAgent,
  ]
  return vhost === undefined ? new Properties(names, values) : new Properties(vhostNames, [...values, vhost])
}

interface Sender {
  /** As logged, the first of a list. */
  readonly address: string
  readonly vhost: string | undefined
}

/**
 * Who sent the request, from what stands before the time: `[vhost] address identity user`. A user may have spaces in his
 * name, and a server may log names instead of addresses, so what is an address tells which is which.
 */
function readSender(head: string): Sender | undefined {
  const match = senderPattern.exec(head)
  if (match === null) return undefined
  const [, first = '', second = '', rest = ''] = match
  if (isAddress(first) && !isAddress(second)) return { address: firstOf(first), vhost: undefined }
  const behind = senderPattern.exec(head.slice(first.length + 1))
  if (behind === null) {
    return rest.includes(' ') || isAddress(second) ? undefined : { address: firstOf(first), vhost: undefined }
  }
  const [, address = '', identity, user = ''] = behind
  const isSure = isAddress(address) || (identity === '-' && !user.includes(' '))
  return isSure && !first.includes(',') ? { address: firstOf(address), vhost: first } : undefined
}

/** The first that is an address, for a proxy may write `unknown`; else the first. */
function firstOf(list: string): string {
  if (!list.includes(',')) return list
  const all = list.split(/, ?/)
  return all.find(isAddress) ?? all[0]!
}

/** Of IPv4 or IPv6, with or without a port; of a list, the first. */
function isAddress(text: string): boolean {
  const first = text.includes(',') ? firstOf(text) : text
  return isIP(first) !== 0 || isIP(first.replace(/^\[(.*)\]:\d+$|^([^:]*):\d+$/, '$1$2')) !== 0
}

interface Agents {
  readonly referrer: string
  readonly userAgent: string
}

const noAgents: Agents = { referrer: '', userAgent: '' }

/** The two quoted fields of the combined format, and nothing before or glued to them. */
function readAgents(text: string, start: number): Agents | undefined {
  if (text[start] !== '"') return undefined
  const referrer = readQuoted(text, start)
  if (text[referrer.end] !== ' ' || text[referrer.end + 1] !== '"') return undefined
  const userAgent = readQuoted(text, referrer.end + 1)
  const isWhole = userAgent.end >= text.length || text[userAgent.end] === ' '
  return isWhole ? { referrer: referrer.value, userAgent: userAgent.value } : undefined
}

interface Quoted {
  /** Empty for `-`, which is how servers write nothing. */
  readonly value: string
  /** The position after the closing quote. */
  readonly end: number
}

/** The quoted text that starts at `start`, up to its quote or, where that is missing, to the end of the line. */
function readQuoted(text: string, start: number): Quoted {
  let escaped = false
  let at = start + 1
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\') {
      escaped = true
      at++
    }
    at++
  }
  const raw = text.slice(start + 1, at)
  const value = escaped ? raw.replace(/\\(["\\])/g, '$1') : raw
  return { value: value === '-' ? '' : value, end: at + 1 }
}

/** `17/May/2015:10:05:03 +0000` as ms since 1970 UTC; NaN for anything else. */
function parseLogTime(text: string): number {
  const match = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text)
  if (match === null) return Number.NaN
  const [, day, monthName, year, hour, minute, second, sign, zoneHours, zoneMinutes] = match
  const month = String(months.indexOf(String(monthName)) + 1).padStart(2, '0')
  return parseIsoTime(`${year}-${month}-${day}T${hour}:${minute}:${second}${sign}${zoneHours}:${zoneMinutes}`)
}

/** Method and URL of `GET /path HTTP/1.1`; both empty where it is something else. */
function splitRequest(request: string): readonly [string, string] {
  const space = request.indexOf(' ')
  const method = request.slice(0, Math.max(space, 0))
  if (!/^[A-Z]{3,10}$/.test(method)) return ['', '']
  const protocol = request.lastIndexOf(' HTTP/')
  return [method, request.slice(space + 1, protocol > space ? protocol : undefined)]
}

function typeOf(method: string, url: string, status: number): 'page' | 'asset' | 'request' {
  const answered = (status >= 200 && status < 300) || status === 304
  if (method !== 'GET' || !answered) return 'request'
  const query = url.search(/[?#]/)
  const path = query < 0 ? url : url.slice(0, query)
  const file = path.slice(path.lastIndexOf('/') + 1)
  const dot = file.lastIndexOf('.')
  return pageExtensions.has(dot < 0 ? '' : file.slice(dot + 1).toLowerCase()) ? 'page' : 'asset'
}

function isDigits(text: string): boolean {
  return /^\d{1,15}$/.test(text)
}
