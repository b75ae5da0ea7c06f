/** Gets hold of kafkajs's cluster object, which connects to brokers and knows leaders. Only partition assigners are given it. */
import type { Cluster, Consumer, Kafka } from 'kafkajs'
import { LogError } from '../log.ts'
import { stickyAssigner } from './assigner.ts'

/** How old what is known about leaders and partitions may get, while no error shows that it is wrong. */
const metadataMaxAgeMs = 60_000

/** All its methods that we call. */
const needed = [
  'addMultipleTargetTopics',
  'addTargetTopic',
  'fetchTopicsOffset',
  'findBroker',
  'findGroupCoordinator',
  'findLeaderForPartitions',
  'findTopicPartitionMetadata',
  'getNodeIds',
  'refreshMetadata',
  'refreshMetadataIfNecessary',
] as const

/**
 * A cluster object for requests that kafkajs has no call for. `owner` connects and disconnects it, and never joins a group.
 * Throws LogError `refused` where this kafkajs does not work like the version that we know.
 */
export function openCluster(kafka: Kafka): { readonly owner: Consumer; readonly cluster: Cluster } {
  let cluster: Cluster | undefined
  const owner = kafka.consumer({
    groupId: 'beckon-reader',
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    partitionAssigners: [
      (context) => {
        cluster = context.cluster
        return stickyAssigner(() => [])(context)
      },
    ],
  })
  const missing = needed.find((name) => typeof cluster?.[name] !== 'function')
  if (cluster === undefined || missing !== undefined) {
    throw new LogError('refused', `this kafkajs is not 2.2.4, which beckon is made for: no ${missing ?? 'cluster'}`)
  }
  return { owner, cluster }
}
