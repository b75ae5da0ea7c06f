import assert from 'node:assert/strict'
import { test } from 'node:test'
import { truncateIp } from './truncate-ip.ts'

const cases: readonly [ip: string, network: string][] = [
  ['', ''],
  ['203.0.113.77', '203.0.113.0'],
  ['::ffff:203.0.113.77', '203.0.113.0'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::'],
  ['2001:0DB8:0001::7', '2001:db8:1::'],
  ['2001:db8::7', '2001:db8::'],
  ['2001::', '2001::'],
  ['fe80::1%eth0', 'fe80::'],
  ['::1', '::'],
  ['64:ff9b::203.0.113.77', '64:ff9b::'],
  ['0:0:5:1:1:1:1:1', '0:0:5::'],
  ['203.0.113', ''],
  ['203.0.113.256', ''],
  ['1::2::3', ''],
  ['not an address', ''],
  ['203.0.113.77:5678', '203.0.113.0'],
  ['[2001:db8:1::7]:443', '2001:db8:1::'],
  ['10.0.0.1, 81.2.69.142', '81.2.69.0'],
  ['10.0.0.1, 10.0.0.2', '10.0.0.0'],
]

for (const [ip, network] of cases) {
  test(`"${ip}" is stored as "${network}"`, () => {
    assert.equal(truncateIp(ip), network)
  })
}
