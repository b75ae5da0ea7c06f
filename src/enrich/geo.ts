import type { Event } from '../events/event.ts'
import { type Geo, noGeo } from './enrichment.ts'
import { publicAddress } from './ip-address.ts'
import { memo } from './memo.ts'

const maxAddresses = 20_000

/**
 * The port to a database of addresses: its record for a public address, or null. The shape of the record is up to the
 * database. It must not throw.
 */
export type GeoReader = (address: string) => unknown

export function compileGeo(read: GeoReader): (event: Event) => Geo {
  const geoOf = memo(maxAddresses, (ip) => {
    const address = publicAddress(ip)
    return address === '' ? noGeo : toGeo(read(address))
  })
  return (event) => (event.ip === '' ? noGeo : geoOf(event.ip))
}

/**
 * Reads a record in any of the usual shapes: MaxMind's nested country, city, enterprise and ASN records, and the flat ones
 * of ip-location-db, DB-IP and IPinfo. The registered country is not used: it is where the owner of the address block is,
 * not where the customer is.
 */
function toGeo(record: unknown): Geo {
  const location = at(record, 'location')
  const traits = at(record, 'traits')
  const region = at(at(record, 'subdivisions'), '0')
  const country = text(at(at(record, 'country'), 'iso_code')) || text(at(record, 'country_code'))
  const geo: Geo = {
    country: /^[A-Z]{2}$/.test(country) ? country : '',
    region: name(region) || text(at(region, 'iso_code')) || text(at(record, 'region')) || text(at(record, 'state1')),
    city: name(at(record, 'city')) || text(at(record, 'city')),
    latitude: degrees(at(location, 'latitude') ?? at(record, 'latitude'), 90),
    longitude: degrees(at(location, 'longitude') ?? at(record, 'longitude'), 180),
    timezone: text(at(location, 'time_zone')) || text(at(record, 'timezone')),
    asn: count(at(record, 'autonomous_system_number') ?? at(traits, 'autonomous_system_number')),
    organization:
      text(at(record, 'autonomous_system_organization')) || text(at(traits, 'autonomous_system_organization')),
  }
  const isEmpty = Object.entries(geo).every(([key, value]) => Object.is(value, noGeo[key as keyof Geo]))
  return isEmpty ? noGeo : Object.freeze(geo)
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function name(place: unknown): string {
  return text(at(at(place, 'names'), 'en'))
}

function degrees(value: unknown, max: number): number {
  return typeof value === 'number' && Math.abs(value) <= max ? value : Number.NaN
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
