/** Which parts the stack in a folder has: that depends on how many brokers it was made with. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { server } from './clickhouse/server.ts'
import { type BrokerCount, broker } from './kafka/broker.ts'
import { brokerNames, type Part, type ServiceName } from './part.ts'
import { registry } from './registry/apicurio.ts'
import { StackError } from './stack-error.ts'

/** The port of a service where nobody says another; that of the first broker. */
export const defaultPorts: Readonly<Record<ServiceName, number>> = { kafka: 9092, clickhouse: 8123, registry: 8081 }

/** All parts, in the order in which they start. */
export function partsOf(brokers: BrokerCount): Part[] {
  return [...brokerNames.slice(0, brokers).map((_, i) => broker(i, brokers)), server, registry]
}

/** How many brokers the folder's stack was made with; undefined where it has none yet. */
export function brokersIn(dir: string): BrokerCount | undefined {
  const there = brokerNames.filter((name) => existsSync(join(dir, name)))
  if (there.length === 0) return undefined
  return there.at(-1) === brokerNames[0] ? 1 : brokerNames.length
}

/** Makes the folders of so many brokers (those that are there, or one), or checks that they are so many. */
export function claimBrokers(dir: string, wanted: BrokerCount | undefined): BrokerCount {
  const made = brokersIn(dir)
  if (made !== undefined && wanted !== undefined && made !== wanted) {
    const why = `a cluster of ${made} can't become one of ${wanted}`
    throw new StackError(
      'usage',
      `${dir} has ${made} brokers: ${why}; beckon stack down --wipe first, or another --dir`,
    )
  }
  const count = made ?? wanted ?? 1
  for (const name of brokerNames.slice(0, count)) mkdirSync(join(dir, name), { recursive: true })
  return count
}
