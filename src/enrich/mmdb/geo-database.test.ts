import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { sharedData, noSharedData as skip } from '../../../test/shared-data.ts'
import { Event } from '../../events/event.ts'
import { type Geo, noGeo } from '../enrichment.ts'
import { compileGeo } from '../geo.ts'
import { GeoDatabaseError, openGeoDatabase } from './geo-database.ts'

const folder = sharedData('geo-test/')

function locate(database: string, ip: string): Geo {
  const event = new Event()
  event.ip = ip
  return compileGeo(openGeoDatabase(`${folder}test-data/${database}.mmdb`).read)(event)
}

test('databases of each kind give their known places', { skip }, () => {
  const london = {
    country: 'GB',
    region: 'England',
    city: 'London',
    latitude: 51.5142,
    longitude: -0.0931,
    timezone: 'Europe/London',
  }
  const cases: [database: string, ip: string, wanted: Partial<Geo>][] = [
    ['GeoIP2-City-Test', '81.2.69.142', london],
    ['GeoIP2-City-Test', '::ffff:81.2.69.142', london],
    ['GeoLite2-City-Test', '81.2.69.142', london],
    [
      'GeoIP2-City-Test',
      '216.160.83.56',
      {
        country: 'US',
        region: 'Washington',
        city: 'Milton',
        latitude: 47.2513,
        longitude: -122.3149,
        timezone: 'America/Los_Angeles',
      },
    ],
    [
      'GeoIP2-City-Test',
      '2001:218::1',
      { country: 'JP', latitude: 35.68536, longitude: 139.75309, timezone: 'Asia/Tokyo' },
    ],
    ['GeoIP2-City-Test', '192.168.1.1', {}],
    ['GeoIP2-City-Test', '8.8.8.8', {}],
    ['GeoIP2-Country-Test', '2.125.160.216', { country: 'GB' }],
    ['GeoLite2-ASN-Test', '1.128.0.1', { asn: 1221, organization: 'Telstra Pty Ltd' }],
    [
      'GeoIP2-Enterprise-Test',
      '74.209.24.1',
      {
        country: 'US',
        region: 'New York',
        city: 'Chatham',
        latitude: 42.3478,
        longitude: -73.5549,
        timezone: 'America/New_York',
        asn: 14671,
        organization: 'FairPoint Communications',
      },
    ],
    ['MaxMind-DB-string-value-entries', '1.1.1.1', {}],
  ]
  for (const [database, ip, wanted] of cases) {
    assert.deepEqual(locate(database, ip), { ...noGeo, ...wanted }, `${database} ${ip}`)
  }
})

test('a database tells its type and age', { skip }, () => {
  const { type, builtAtMs } = openGeoDatabase(`${folder}test-data/GeoLite2-City-Test.mmdb`)
  assert.equal(type, 'GeoLite2-City')
  assert.equal(new Date(builtAtMs).toISOString(), '2026-02-04T22:49:29.000Z')
})

test('nodes of every size are read', { skip }, () => {
  for (const size of [24, 28, 32]) {
    const v4 = openGeoDatabase(`${folder}test-data/MaxMind-DB-test-ipv4-${size}.mmdb`)
    assert.deepEqual(v4.read('1.1.1.3'), { ip: '1.1.1.2' })
    const v6 = openGeoDatabase(`${folder}test-data/MaxMind-DB-test-ipv6-${size}.mmdb`)
    assert.deepEqual(v6.read('0:0:0:0:0:2:0:5'), { ip: '::2:0:0' })
  }
})

test('a database of IPv4 knows no IPv6 address', { skip }, () => {
  const { read } = openGeoDatabase(`${folder}test-data/MaxMind-DB-test-ipv4-24.mmdb`)
  assert.deepEqual(read('1.1.1.1'), { ip: '1.1.1.1' })
  assert.equal(read('101:101:0:0:0:0:0:0'), null)
})

/** Not corrupt: they once made another reader stumble over the end of their metadata. */
const sound = ['libmaxminddb-empty-array-last-in-metadata', 'libmaxminddb-empty-map-last-in-metadata']
const brokenAmongTheGood = [
  'GeoIP2-City-Test-Broken-Double-Format',
  'GeoIP2-City-Test-Invalid-Node-Count',
  'MaxMind-DB-test-broken-pointers-24',
  'MaxMind-DB-test-broken-search-tree-24',
]

test('every corrupt database is refused with the file and the reason, and every sound one opened', { skip }, () => {
  const bad = readdirSync(`${folder}bad-data`).flatMap((from) => list(`bad-data/${from}`))
  const good = list('test-data')
  assert.deepEqual([bad.length, good.length], [21, 40])
  for (const file of [...bad, ...good]) {
    const name = file.slice(file.lastIndexOf('/') + 1, -'.mmdb'.length)
    const isSound = bad.includes(file) ? sound.includes(name) : !brokenAmongTheGood.includes(name)
    if (isSound) {
      assert.doesNotThrow(() => openGeoDatabase(`${folder}${file}`), file)
      continue
    }
    assert.throws(
      () => openGeoDatabase(`${folder}${file}`),
      (error) => error instanceof GeoDatabaseError && error.code === 'GEO_DATABASE' && error.message.includes(name),
      file,
    )
  }
})

test('a missing file is refused in the same way', () => {
  assert.throws(() => openGeoDatabase('/nowhere/geo.mmdb'), /geo database \/nowhere\/geo\.mmdb: ENOENT/)
})

function list(path: string): string[] {
  return readdirSync(`${folder}${path}`).map((file) => `${path}/${file}`)
}
