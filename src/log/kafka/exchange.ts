/**
 * How a request is written and its response read is what kafkajs asks its broker objects' `lookupRequest`; we answer in
 * its place for one version of one request. Anything else is left to kafkajs: another version, or a kafkajs that no
 * longer works like that.
 */
import type { Broker, Cluster } from 'kafkajs'

/** One kind of request in the one version that we know. */
export interface KnownRequest<Arguments> {
  readonly api: number
  readonly version: number
  /** kafkajs's own exchange with those arguments, or another in its place. */
  replace(stock: Exchange, args: Arguments): Exchange
}

export interface Exchange {
  readonly request: { readonly apiVersion: number; encode(): Promise<Encoded> }
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
}

/** What kafkajs takes from an encoder; it tells one by `buf`. */
export interface Encoded {
  readonly buf: Buffer
  readonly buffer: Buffer
}

type LookupRequest = (api: number, definition: unknown) => (args: unknown) => Exchange

/** The requests that are replaced in a lookup of ours. */
const replaced = new WeakMap<LookupRequest, ReadonlySet<number>>()

/** Lets the brokers of that cluster object do the request our way. */
export function replaceRequest<Arguments>(cluster: Cluster, known: KnownRequest<Arguments>): void {
  onBroker(cluster, (broker) => replaceIn(broker, known as KnownRequest<unknown>))
}

/** Tells of a broker object each time that the cluster object gives it out. */
export function onBroker(cluster: Cluster, tell: (broker: Broker) => void): void {
  const findBroker = cluster.findBroker.bind(cluster)
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node)
    tell(broker)
    return broker
  }
}

/** Done again after each reconnection, when kafkajs looks the versions up anew. */
function replaceIn(broker: Broker, { api, version, replace }: KnownRequest<unknown>): void {
  const target = broker as Partial<{ lookupRequest: LookupRequest }>
  const lookup = target.lookupRequest
  if (typeof lookup !== 'function') return
  const before = replaced.get(lookup) ?? new Set()
  if (before.has(api)) return
  const ours: LookupRequest = (asked, definition) => {
    const make = lookup(asked, definition)
    if (asked !== api) return make
    return (args) => {
      const stock = make(args)
      return stock.request?.apiVersion === version ? replace(stock, args) : stock
    }
  }
  replaced.set(ours, new Set([...before, api]))
  target.lookupRequest = ours
}
