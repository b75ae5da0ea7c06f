/**
 * Addresses that belong to no place (private, reserved, multicast, documentation) must not be looked up: some databases
 * answer anyway (and put 192.168.1.1 in Australia).
 */

/** Ranges of IPv4 that are not public, each with the length of its prefix (IANA's special-purpose registry). */
const reserved = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
].map(([base, bits]) => ({ base: parseV4(base as string), size: 2 ** (32 - (bits as number)) }))

/** For one address with brackets, zone and port. A longer text is no address; it may be huge, so no pattern runs over it. */
const maxAddressChars = 80
/** For a list; nobody's path has more proxies. */
const maxAddresses = 32

/**
 * The addresses in a text, without ports, IPv6 brackets and zones. If proxies have added theirs (`X-Forwarded-For`), the
 * client's is first. A text that is no address stays as it is, or becomes empty if it is too long to be one.
 */
export function addressesIn(text: string): string[] {
  return text.split(',', maxAddresses).map(bareAddress)
}

function bareAddress(listed: string): string {
  const part = listed.trim()
  if (part.length > maxAddressChars) return ''
  const [, bracketed, v4WithPort, v6WithZone] =
    /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+|([^%]*:[^%]*)%.*)$/.exec(part) ?? []
  return bracketed?.replace(/%.*/, '') ?? v4WithPort ?? v6WithZone ?? part
}

/**
 * The first public address in the text; empty if there is none. An IPv4 address within IPv6 (mapped, or NAT64) is returned
 * as IPv4.
 */
export function publicAddress(text: string): string {
  for (const address of addressesIn(text)) {
    const found = asPublic(address)
    if (found !== '') return found
  }
  return ''
}

function asPublic(text: string): string {
  if (!text.includes(':')) return publicV4(parseV4(text))
  const groups = parseV6(text)
  if (groups === null) return ''
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number]
  const middle = b | c | d | e
  if (a === 0 && middle === 0 && f === 0xffff) return publicV4(g * 65_536 + h)
  if (a === 0x64 && b === 0xff9b && (c | d | e | f) === 0) return publicV4(g * 65_536 + h)
  const isGlobal = a >= 0x2000 && a < 0x3fff && !(a === 0x2001 && b === 0xdb8)
  return isGlobal ? groups.map((group) => group.toString(16)).join(':') : ''
}

function publicV4(address: number): string {
  if (address < 0 || reserved.some(({ base, size }) => address >= base && address < base + size)) return ''
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.')
}

/** -1 if the text is not a dotted IPv4 address. Leading zeros are refused: some readers take them for octal. */
function parseV4(text: string): number {
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256))
    return -1
  return octets.reduce((address, octet) => address * 256 + Number(octet), 0)
}

/** The eight groups; null if the text is not an IPv6 address. */
function parseV6(text: string): number[] | null {
  const tail = text.lastIndexOf(':') + 1
  const v4 = text.includes('.') ? parseV4(text.slice(tail)) : 0
  if (v4 < 0) return null
  const hex = text.includes('.')
    ? text.slice(0, tail) + [v4 >>> 16, v4 & 0xffff].map((g) => g.toString(16)).join(':')
    : text
  const halves = hex.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const [head = [], rest = []] = halves
  const missing = 8 - head.length - rest.length
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return null
  const groups = [...head, ...new Array<string>(missing).fill('0'), ...rest]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null
}
