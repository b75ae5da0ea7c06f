/** Checks of the brokers themselves. */
import { fail, ok, type Verdict, warn } from './check.ts'
import { type Address, whyUnreachable } from './tcp.ts'
import type { World } from './world.ts'

export async function checkBrokers(world: World): Promise<Verdict> {
  const addresses = world.config.kafka.brokers.map(toAddress)
  const faults = await unreachable(addresses)
  if (faults.length === addresses.length) {
    return fail(
      faults.join('; '),
      'start the brokers, or correct kafka.brokers (beckon stack up starts one on this machine)',
    )
  }
  await world.kafka()
  if (faults.length > 0) return warn(faults.join('; '), 'correct kafka.brokers: only the others are of use')
  return ok(`${addresses.map(toText).join(', ')} answer`)
}

/** Clients ask any broker for the addresses of all brokers, and then use these. */
export async function checkAdvertised(world: World): Promise<Verdict> {
  const { brokers } = await world.kafka()
  const faults = await unreachable(brokers, (at) => `broker ${at.nodeId} advertises ${toText(at)}: `)
  if (faults.length === 0) return ok(`${brokers.length} advertised, all reachable: ${brokers.map(toText).join(', ')}`)
  const mend = 'set advertised.listeners of that broker to an address that this machine reaches'
  return fail(faults.join('; '), mend)
}

export async function checkKafkaVersion(world: World): Promise<Verdict> {
  if (await (await world.kafka()).isAtLeast4()) return ok('Kafka 4.0 or later')
  const why = 'older than Kafka 4.0, whose offsets may be read stale just after a commit'
  return warn(why, 'upgrade the brokers to 4.0 or later: beckon is tested with those only')
}

const toText = ({ host, port }: Address) => `${host}:${port}`

function toAddress(text: string): Address {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}

async function unreachable<A extends Address>(
  addresses: readonly A[],
  prefix = (at: A) => `${toText(at)}: `,
): Promise<string[]> {
  const whys = await Promise.all(addresses.map(whyUnreachable))
  return addresses.flatMap((at, i) => (whys[i] === undefined ? [] : [prefix(at) + whys[i]]))
}
