import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { publicAddress } from './ip-address.ts'

test('only a public address is looked up', () => {
  const cases: [text: string, address: string][] = [
    ['81.2.69.142', '81.2.69.142'],
    ['::ffff:81.2.69.142', '81.2.69.142'],
    ['::FFFF:5102:458e', '81.2.69.142'],
    ['64:ff9b::81.2.69.142', '81.2.69.142'],
    ['2001:218::1', '2001:218:0:0:0:0:0:1'],
    ['2a00:1450:4001:82F::200e', '2a00:1450:4001:82f:0:0:0:200e'],
    ['172.15.255.255', '172.15.255.255'],
    ['172.32.0.0', '172.32.0.0'],
    ['223.255.255.255', '223.255.255.255'],
    ['172.16.0.0', ''],
    ['172.31.255.255', ''],
    ['10.1.2.3', ''],
    ['192.168.1.1', ''],
    ['127.0.0.1', ''],
    ['0.0.0.0', ''],
    ['100.64.0.1', ''],
    ['100.127.255.255', ''],
    ['169.254.1.1', ''],
    ['192.0.2.1', ''],
    ['198.19.255.255', ''],
    ['224.0.0.1', ''],
    ['255.255.255.255', ''],
    ['::', ''],
    ['::1', ''],
    ['::ffff:192.168.1.1', ''],
    ['64:ff9b::10.0.0.1', ''],
    ['fc00::1', ''],
    ['fd12:3456::1', ''],
    ['fe80::1', ''],
    ['fe80::1%eth0', ''],
    ['ff02::1', ''],
    ['2001:db8::1', ''],
    ['3fff::1', ''],
    ['', ''],
    ['unknown', ''],
    ['81.2.69', ''],
    ['81.2.69.256', ''],
    ['081.2.69.142', ''],
    ['81.2.69.142:443', ''],
    ['81.2.69.142, 10.0.0.1', ''],
    ['2001:218::1::2', ''],
    ['2001:218:1', ''],
    ['2001:218:0:0:0:0:0:0:1', ''],
    ['2001:218::12345', ''],
    ['2001:218::g', ''],
    [':2001:218::1', ''],
    ['2001:218::1.2.3', ''],
  ]
  for (const [text, address] of cases) assert.equal(publicAddress(text), address, text)
})

test('every address that is given out is valid, and its own answer', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/)), (text) => {
      const address = publicAddress(text)
      if (address === '') return
      assert.ok((isIPv4(text) || isIPv6(text)) && (isIPv4(address) || isIPv6(address)), text)
      assert.equal(publicAddress(address), address)
    }),
    { numRuns: 2000 },
  )
})
