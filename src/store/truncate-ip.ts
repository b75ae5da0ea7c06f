// biome-ignore lint/style/noRestrictedImports: it only inspects a text, and does no I/O.
import { isIPv4, isIPv6 } from 'node:net'
import { addressesIn, publicAddress } from '../enrich/ip-address.ts'

/**
 * The network of an IP address, for storage: a whole address would identify a household. IPv4 keeps 24 bits (`203.0.113.0`),
 * IPv6 48 (`2001:db8:1::`). A text that is no address gives the empty string. Where it has several addresses, it takes the one
 * that the geo look-up uses, else the first.
 */
export function truncateIp(ip: string): string {
  return networkOf(ip) || networkOf(publicAddress(ip)) || networkOf(addressesIn(ip)[0]!)
}

function networkOf(ip: string): string {
  if (ip === '') return ''
  const four = ip.slice(ip.lastIndexOf(':') + 1)
  if (isIPv4(four) && (four === ip || /^::ffff:[\d.]+$/i.test(ip))) return `${four.slice(0, four.lastIndexOf('.'))}.0`
  if (!isIPv6(ip)) return ''
  const [head = '', tail] = ip.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  // An IPv4 address at the end stands for two groups.
  const given = before.length + after.length + (four.includes('.') ? 1 : 0)
  const groups = [...before, ...Array<string>(tail === undefined ? 0 : 8 - given).fill('0'), ...after]
  const network = groups.slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16))
  while (network.at(-1) === '0') network.pop()
  return `${network.join(':')}::`
}
