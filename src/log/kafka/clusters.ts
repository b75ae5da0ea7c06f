/**
 * A producer's cluster object is its own and not given out, so we put ourselves before the function of the client object
 * that makes it; where a kafkajs has none of that name, nobody is told.
 */
import type { Cluster, Kafka } from 'kafkajs'

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
