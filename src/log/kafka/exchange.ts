/**
 * kafkajs asks `lookupRequest` of its broker objects how to write a request and read its response. For one version of a request
 * we answer in its place. Everything else is left to kafkajs: another version, or a kafkajs that no longer works like that.
 */
import type { Broker, Cluster } from 'kafkajs'

/** One kind of request in the one version that we know. */
export interface KnownRequest<Arguments> {
  readonly api: number
  readonly version: number
  /** Returns kafkajs's own exchange with those arguments, or another in its place. */
  replace(stock: Exchange, args: Arguments): Exchange
}

interface Exchange {
  readonly request: { readonly apiVersion: number; encode(): Promise<Encoded> }
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
}

/** What kafkajs needs of an encoder: it recognises one by `buf`, and takes `buffer`. */
interface Encoded {
  readonly buf: Buffer
  readonly buffer: Buffer
}

type LookupRequest = (api: number, definition: unknown) => (args: unknown) => Exchange

/** By our lookup functions: the requests that they replace. */
const replaced = new WeakMap<LookupRequest, ReadonlySet<number>>()

/** Makes the brokers of a cluster object do the request our way. */
export function replaceRequest<Arguments>(cluster: Cluster, known: KnownRequest<Arguments>): void {
  onBroker(cluster, (broker) => replaceIn(broker, known as KnownRequest<unknown>))
}

/** Calls `tell` with a broker object each time the cluster object gives it out. */
export function onBroker(cluster: Cluster, tell: (broker: Broker) => void): void {
  const findBroker = cluster.findBroker.bind(cluster)
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node)
    tell(broker)
    return broker
  }
}

/** Must be done again after each reconnection, when kafkajs looks up the versions anew. */
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
