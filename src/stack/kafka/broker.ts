/** A single Apache Kafka broker, its own KRaft controller, on the loopback interface. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { cachePath, fetchOnce } from '../cache.ts'
import { copyJars } from '../maven.ts'
import type { Part } from '../part.ts'
import { freePort } from '../ports.ts'
import { javaCommand } from '../tools.ts'

const version = '4.1.0'
/** Without a logging back end Kafka is silent about why it does not start. */
const artifacts = [`org.apache.kafka:kafka_2.13:${version}`, 'org.slf4j:slf4j-simple:1.7.36']

export const broker: Part = {
  name: 'kafka',
  defaultPort: 9092,

  needs: () => (existsSync(jarFolder()) ? ['jdk'] : ['jdk', 'maven']),

  async prepare(folder, port, onStep) {
    const jars = jarFolder()
    if (!existsSync(jars)) onStep(`kafka: downloading Apache Kafka ${version} (43 MB, once) to ${jars}`)
    const classPath = join(await fetchOnce(jars, (partial) => copyJars(artifacts, partial)), '*')
    const data = join(folder, 'data')
    const settings = join(folder, 'server.properties')
    mkdirSync(data, { recursive: true })
    writeFileSync(settings, serverProperties(data, port, await freePort()))
    // Formatting writes this file last.
    if (!existsSync(join(data, 'meta.properties'))) {
      onStep('kafka: formatting its storage')
      const id = `--cluster-id=${randomBytes(16).toString('base64url')}`
      const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', id, '--config', settings]
      await promisify(execFile)(javaCommand(), ['-XX:TieredStopAtLevel=1', '-cp', classPath, ...format])
    }
    // Without the second compiler it starts a little sooner and leaves the cores to the tests.
    const jvm = ['-Xmx1g', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
    return { command: javaCommand(), args: [...jvm, '-cp', classPath, 'kafka.Kafka', settings], env: {} }
  },

  async probe(port) {
    const kafka = new Kafka({
      brokers: [broker.address(port)],
      connectionTimeout: 2_000,
      requestTimeout: 2_000,
      retry: { retries: 0 },
      logLevel: logLevel.NOTHING,
    })
    const admin = kafka.admin()
    try {
      await admin.connect()
      const { brokers } = await admin.describeCluster()
      if (brokers.length === 0) throw new Error('the broker has not registered with its controller yet')
      return version
    } finally {
      await admin.disconnect()
    }
  },

  address: (port) => `127.0.0.1:${port}`,
}

function jarFolder(): string {
  return cachePath(`kafka-${version}`)
}

/**
 * One copy of everything, few partitions for the internal topics (a quicker first transaction), no wait before the
 * first rebalance, and a short session, for whose end a broker waits when it comes back from a crash. Nothing expires and
 * no segment is rolled by time: replayed history carries old timestamps, which a retention would delete and a roll would
 * turn into a segment for each week. A socket takes 1 MiB, where 100 KiB are usual: of what is fetched no more than that
 * comes at once to a reader who is busy with the fetch before.
 */
export function serverProperties(data: string, port: number, controllerPort: number): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data.replaceAll('\\', '\\\\'),
    'auto.create.topics.enable': false,
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
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
