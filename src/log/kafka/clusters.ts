/**
 * A producer's cluster object is its own and not given out, so we put ourselves before the function of the client object
 * that makes it; where a kafkajs has none of that name, nobody is told. A consumer's is given to its assigners only.
 */
import type { Cluster, Consumer, Kafka } from 'kafkajs'
import { LogError } from '../log.ts'
import { stickyAssigner } from './assigner.ts'

const createCluster = 'private:Kafka:createCluster'

/** Tells of each cluster object that the client object makes from now on, before it is used. */
export function onNewCluster(kafka: Kafka, tell: (cluster: Cluster) => void): void {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === createCluster)
  if (symbol === undefined) return
  const client = kafka as unknown as Record<symbol, (settings: unknown) => Cluster>
  const make = client[symbol]!
  client[symbol] = (settings) => {
    const cluster = make(settings)
    tell(cluster)
    return cluster
  }
}

/** A cluster object for requests that kafkajs has no call for. `owner`, which never joins a group, connects and disconnects it. */
export function openCluster(kafka: Kafka): { readonly owner: Consumer; readonly cluster: Cluster } {
  let cluster: Cluster | undefined
  const owner = kafka.consumer({
    groupId: 'beckon-reader',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (context) => {
        cluster = context.cluster
        return stickyAssigner(() => [])(context)
      },
    ],
  })
  if (cluster === undefined) throw new LogError('refused', 'this kafkajs gives no cluster to its assigners')
  return { owner, cluster }
}
