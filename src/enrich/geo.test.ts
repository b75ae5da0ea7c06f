import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '../events/event.ts'
import { type Geo, noGeo } from './enrichment.ts'
import { compileGeo } from './geo.ts'

function event(ip: string): Event {
  const made = new Event()
  made.ip = ip
  return made
}

test('every usual shape of record is understood', () => {
  const cases: [shape: string, record: unknown, wanted: Partial<Geo>][] = [
    [
      'MaxMind city',
      {
        country: { iso_code: 'GB' },
        registered_country: { iso_code: 'US' },
        city: { names: { de: 'Linköping', en: 'Linkoping' } },
        subdivisions: [{ iso_code: 'E', names: { en: 'Ostergotland' } }, { iso_code: 'X' }],
        location: { latitude: 58.4167, longitude: 15.6167, time_zone: 'Europe/Stockholm' },
        traits: { autonomous_system_number: 29518, autonomous_system_organization: 'Bredband2 AB' },
      },
      {
        country: 'GB',
        region: 'Ostergotland',
        city: 'Linkoping',
        latitude: 58.4167,
        longitude: 15.6167,
        timezone: 'Europe/Stockholm',
        asn: 29518,
        organization: 'Bredband2 AB',
      },
    ],
    ['MaxMind country', { country: { iso_code: 'SE', names: { en: 'Sweden' } } }, { country: 'SE' }],
    ['a region with a code only', { subdivisions: [{ iso_code: 'WA' }] }, { region: 'WA' }],
    [
      'autonomous systems',
      { autonomous_system_number: 1221, autonomous_system_organization: 'Telstra Pty Ltd' },
      { asn: 1221, organization: 'Telstra Pty Ltd' },
    ],
    [
      'flat city',
      {
        country_code: 'CN',
        state1: 'Jilin',
        city: 'Changchun',
        latitude: 43.88,
        longitude: 125.3228,
        timezone: 'Asia/Harbin',
      },
      {
        country: 'CN',
        region: 'Jilin',
        city: 'Changchun',
        latitude: 43.88,
        longitude: 125.3228,
        timezone: 'Asia/Harbin',
      },
    ],
    ['a block that is only registered somewhere', { registered_country: { iso_code: 'AU' } }, {}],
    [
      'what is no country or place',
      { country: { iso_code: 'Europe' }, location: { latitude: 91, longitude: 'x' } },
      {},
    ],
    ['a text', '81.2.69.142/32', {}],
    ['nothing', null, {}],
  ]
  for (const [shape, record, wanted] of cases) {
    assert.deepEqual(compileGeo(() => record)(event('81.2.69.142')), { ...noGeo, ...wanted }, shape)
  }
})

test('an unknown place is the shared empty one', () => {
  assert.equal(compileGeo(() => ({ continent: { code: 'EU' } }))(event('81.2.69.142')), noGeo)
})

test('a private, invalid or missing address is never looked up, and a public one once', () => {
  const asked: string[] = []
  const geoOf = compileGeo((address) => {
    asked.push(address)
    return { country: { iso_code: 'AU' } }
  })
  for (const ip of ['', '192.168.1.1', '::ffff:10.0.0.1', '::1', 'unknown', '1.2.3'])
    assert.equal(geoOf(event(ip)), noGeo, ip)
  assert.equal(geoOf(event('81.2.69.142')), geoOf(event('81.2.69.142')))
  assert.deepEqual(asked, ['81.2.69.142'])
})
