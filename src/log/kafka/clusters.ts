/** kafkajs gives its cluster object, which connects to brokers and knows leaders, to partition assigners only. */
import type { Cluster, Consumer, Kafka } from 'kafkajs'
import { LogError } from '../log.ts'
import { stickyAssigner } from './assigner.ts'

/** So old may what is known of leaders and partitions be, as long as no error tells. */
const metadataMaxAgeMs = 60_000

/** All that we call of it. */
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
 * A cluster object for requests that kafkajs has no call for. `owner`, which never joins a group, connects and disconnects it.
 * Throws LogError `refused` where this kafkajs works otherwise than the one that we know.
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
