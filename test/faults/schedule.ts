import { Random } from '../../src/tools/demo/random.ts'
import type { BrokerCount } from '../../src/tools/stack/kafka/broker.ts'

/** What happens to a worker, or to a server; `forMs` is how long it stays away. */
export interface Fault {
  readonly atMs: number
  readonly what: 'kill' | 'freeze' | 'drain' | 'broker' | 'clickhouse'
  /** The worker that is meant, while it runs; another one where it does not. */
  readonly worker: number
  readonly forMs: number
}

export interface SchedulePlan {
  readonly seed: number
  readonly seconds: number
  readonly workers: number
  readonly roundSeconds: number
  /** In each round. */
  readonly kills: number
  readonly freezes: number
  readonly clickhouseAwaySeconds: number
  /** One is killed once, as one of the faults; of three, each is ended in turn beside them. */
  readonly brokers: BrokerCount
  /** How often a broker of three is ended. */
  readonly brokerEnds: number
}

/** How a broker of three is ended. */
export interface BrokerEnd {
  /** Its index. */
  readonly broker: number
  /** By SIGKILL; else by SIGTERM, at which it hands its partitions over. */
  readonly kill: boolean
  readonly awayMs: number
  /** How long the cluster is left alone before, when it is whole. */
  readonly peaceMs: number
}

/** Of the service's membership in its group. */
const sessionMs = 10_000

/** A frozen worker stays so for longer than the session, so that others have taken over, and wakes up in the round. */
const beyondSessionMs = 1_000
const peaceMs = 4_000

/**
 * A group is without its dead members only when their session of 10 s has ended, so faults come in rounds: freezes, and
 * kills among those that are left; then the survivors take over, while the frozen ones still believe that they own what
 * they had; then these wake up, and there is a moment of peace.
 * The same seed gives the same faults, in the order of their time.
 */
export function planFaults(plan: SchedulePlan): Fault[] {
  const { seed, seconds, workers, roundSeconds, kills, freezes, clickhouseAwaySeconds } = plan
  const random = new Random(seed)
  const between = (from: number, upTo: number) => from + random.below(upTo - from)
  const faults: Fault[] = []
  const roundMs = roundSeconds * 1000
  const rounds = Math.floor(seconds / roundSeconds)
  for (let round = 0; round < rounds; round++) {
    const startMs = round * roundMs
    const add = (what: Fault['what'], fromMs: number, upToMs: number, worker: number, forMs: number) =>
      faults.push({ what, atMs: startMs + between(fromMs, upToMs), worker, forMs })
    const first = random.below(workers)
    for (let i = 0; i < freezes; i++) {
      add('freeze', 0, 200, (first + i) % workers, between(sessionMs + beyondSessionMs, roundMs - peaceMs))
    }
    // All but the last come at once, and before anybody has joined again: a member that dies while it joins would hold
    // the group up for another session. The last one dies at work.
    for (let i = 1; i < kills; i++) add('kill', 500, 1_300, first + freezes + i, between(100, 300))
    add('kill', roundMs - 1_500, roundMs - 500, first + freezes, between(100, 1_000))
    if (round % 2 === 1) add('drain', roundMs - 3_000, roundMs - 2_000, random.below(workers), between(100, 1_000))
    // In the peace between two rounds, when transactions run.
    if (plan.brokers === 1 && round === Math.floor(rounds / 3)) add('broker', 0, 1_000, 0, between(1_000, 3_000))
    if (round === Math.floor(rounds / 2)) add('clickhouse', 0, 1_000, 0, clickhouseAwaySeconds * 1000)
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

/** One broker after the other, each killed and asked to end in turn. */
export function planBrokerEnds({ seed, brokers, brokerEnds }: SchedulePlan): BrokerEnd[] {
  if (brokers === 1) return []
  const random = new Random(seed + 1)
  const first = random.below(brokers)
  return Array.from({ length: brokerEnds }, (_, i) => ({
    broker: (first + i) % brokers,
    // With as many brokers as that, each gets the one and the other.
    kill: i % 2 === 0,
    awayMs: 2_000 + random.below(4_000),
    peaceMs: random.below(3_000),
  }))
}
