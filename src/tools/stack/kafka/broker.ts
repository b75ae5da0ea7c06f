/** Apache Kafka on the loopback interface: one broker, or a cluster of three; each is a KRaft controller too. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import '../../../log/kafka/quiet-queue.ts'
import { cachePath } from '../../../user-cache.ts'
import { fetchOnce } from '../cache.ts'
import { copyJars } from '../maven.ts'
import { brokerNames, type Part } from '../part.ts'
import { freePort } from '../ports.ts'
import { javaCommand } from '../tools.ts'

const version = '4.1.0'
/** Without a logging back end Kafka is silent about why it does not start. */
const artifacts = [`org.apache.kafka:kafka_2.13:${version}`, 'org.slf4j:slf4j-simple:1.7.36']

/** How many brokers there can be. */
export const brokerCounts = [1, brokerNames.length] as const
export type BrokerCount = (typeof brokerCounts)[number]

/**
 * Where a broker listens. Those of a cluster have ports in a row, in the order of their numbers, and behind them their
 * controllers have theirs, so that each knows where the others are.
 */
export interface Place {
  readonly port: number
  readonly controllerPort: number
}

/** How many ports in a row the brokers take that must be known beforehand; a controller that is alone takes any. */
export const portsOf = (count: BrokerCount) => (count === 1 ? 1 : 2 * count)

/** Where the brokers of a cluster are, by the first one's port. */
const placesFrom = (first: number): Place[] =>
  brokerNames.map((_, i) => ({ port: first + i, controllerPort: first + brokerNames.length + i }))

/** The broker of that index, of so many. */
export function broker(index: number, count: BrokerCount): Part {
  const alone = count === 1
  const address = (port: number) => `127.0.0.1:${port}`
  return {
    name: brokerNames[index]!,
    service: 'kafka',

    needs: () => (existsSync(jarFolder()) ? ['jdk'] : ['jdk', 'maven']),

    async prepare(folder, port, onStep) {
      const jars = jarFolder()
      if (!existsSync(jars)) onStep(`kafka: downloading Apache Kafka ${version} (43 MB, once) to ${jars}`)
      const classPath = join(await fetchOnce(jars, (partial) => copyJars(artifacts, partial)), '*')
      const data = join(folder, 'data')
      const settings = join(folder, 'server.properties')
      const places = alone ? [{ port, controllerPort: await freePort() }] : placesFrom(port - index)
      mkdirSync(data, { recursive: true })
      writeFileSync(settings, serverProperties(data, index, places))
      // Formatting writes this file last.
      if (!existsSync(join(data, 'meta.properties'))) {
        onStep(`${brokerNames[index]}: formatting its storage`)
        const id = `--cluster-id=${clusterId(dirname(folder))}`
        const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', id, '--config', settings]
        await promisify(execFile)(javaCommand(), ['-XX:TieredStopAtLevel=1', '-cp', classPath, ...format])
      }
      // Without the second compiler it starts a little sooner and leaves the cores to the tests.
      const heap = alone ? '-Xmx1g' : '-Xmx512m'
      const jvm = [heap, '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
      return { command: javaCommand(), args: [...jvm, '-cp', classPath, 'kafka.Kafka', settings], env: {} }
    },

    ports: (port) => (alone ? [port] : [port, placesFrom(port - index)[index]!.controllerPort]),

    async probe(port) {
      const kafka = new Kafka({
        brokers: [address(port)],
        connectionTimeout: 2_000,
        requestTimeout: 2_000,
        retry: { retries: 0 },
        logLevel: logLevel.NOTHING,
      })
      const admin = kafka.admin()
      try {
        await admin.connect()
        const { brokers } = await admin.describeCluster()
        const isThere = brokers.some((one) => one.port === port)
        if (!isThere) throw new Error('the broker has not registered with its controller yet')
        return version
      } finally {
        await admin.disconnect()
      }
    },

    address,
  }
}

/** Its brokers must agree on it, and those of another stack have another one. */
function clusterId(dir: string): string {
  return createHash('sha256').update(dir).digest().subarray(0, 16).toString('base64url')
}

function jarFolder(): string {
  return cachePath(`kafka-${version}`)
}

/**
 * A copy of everything on each broker, of which all but one must have taken what is acknowledged; few partitions for the
 * internal topics (a quicker first transaction), no wait before the first rebalance, leaders that go back soon to a broker
 * that is back, and a short session, for whose end a broker waits when it comes back from a crash. Nothing expires and
 * no segment is rolled by time: replayed history carries old timestamps, which a retention would delete and a roll would
 * turn into a segment for each week. A socket takes 1 MiB, where 100 KiB are usual: of what is fetched no more than that
 * comes at once to a reader who is busy with the fetch before.
 */
export function serverProperties(data: string, index: number, places: readonly Place[]): string {
  const { port, controllerPort } = places[index]!
  const copies = places.length
  const inSync = Math.max(1, copies - 1)
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': index + 1,
    'controller.quorum.voters': places.map((of, i) => `${i + 1}@127.0.0.1:${of.controllerPort}`).join(),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data.replaceAll('\\', '\\\\'),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'leader.imbalance.check.interval.seconds': 30,
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'socket.send.buffer.bytes': 1_048_576,
    'num.io.threads': 4,
    'log.retention.ms': -1,
    'log.roll.ms': '9223372036854775807',
    'log.segment.bytes': 268_435_456,
    'offsets.retention.minutes': 2_147_483_647,
    'transactional.id.expiration.ms': 2_147_483_647,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
