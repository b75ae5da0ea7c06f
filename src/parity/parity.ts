import type { Value } from '../events/event.ts'
import type { FeatureQueries, FeatureQuery } from '../sql/features.ts'
import { StoreError } from '../store/store-error.ts'
import { addToTally, emptyTally, type FeatureTally } from './tally.ts'

/**
 * Compares the features that the stream keeps in the profiles with what SQL computes over `events`, customer by customer. A
 * stored profile lags behind the stream, so we compare it with exactly the events it includes: those before the position
 * that is its version. If a checkpoint covers it, these are in the store. Both sides are read as of the profile's stream
 * time, the largest time of these events. Memory is bounded by one chunk.
 */

/** A profile's latest row. */
export interface StoredFeatures {
  readonly partition: number
  readonly customer: string
  /** The profile includes the customer's events before this position of the partition, and no others. */
  readonly version: number
  /** Nor any before this position, at which the customer was erased; 0 if never erased. */
  readonly erasedBefore: number
  /** Whether the feature no longer waits to be computed from the events. */
  readonly isReady: (feature: string) => boolean
  /** null if the profile has no such value. */
  readonly value: (feature: string) => Value
}

/** A row of a feature query. */
interface Computed {
  readonly partition: number
  readonly customer: string
  readonly cells: readonly unknown[]
}

/** The port to the store. Everything throws StoreError. */
export interface ParityReader {
  /** Customers with a profile, in order, after the given one; fewer than `limit` means these are the last. */
  customers(after: string, limit: number): Promise<string[]>
  /** A random sample of customers; another seed draws others. */
  sample(count: number, seed: number): Promise<string[]>
  /**
   * The latest rows of these customers' profiles. Left out: erased customers, profiles that changed since the last checkpoint,
   * and profiles from other rules whose features are still to be completed.
   */
  profiles(customers: readonly string[]): Promise<StoredFeatures[]>
  /** The features over the events that the profiles include. */
  compute(query: FeatureQuery, profiles: readonly StoredFeatures[]): Promise<Computed[]>
}

export interface ParityOptions {
  /** A random sample of this size, drawn with this seed; else all customers. */
  readonly sample?: { readonly count: number; readonly seed: number }
  /** Called with the number of customers done. */
  readonly onProgress?: (customers: number) => void
  /** Ends the check before its next chunk. */
  readonly signal?: AbortSignal
}

/** Customers per query: their events are grouped in the server's memory, their values in ours. */
const chunkCustomers = 1_000
/** Customers listed at once: about a megabyte of ids. */
const pageCustomers = 50_000

/** @returns a tally for each feature that has SQL. @throws StoreError */
export async function checkParity(
  { queries }: FeatureQueries,
  reader: ParityReader,
  { sample, onProgress = () => undefined, signal }: ParityOptions,
): Promise<FeatureTally[]> {
  const tallies = queries.map(({ features }) => features.map(({ name }) => emptyTally(name)))
  let done = 0
  for await (const page of sample ? once(reader.sample(sample.count, sample.seed)) : pages(reader)) {
    for (let at = 0; at < page.length && !signal?.aborted; at += chunkCustomers) {
      const chunk = page.slice(at, at + chunkCustomers)
      const profiles = await reader.profiles(chunk)
      for (const [q, query] of queries.entries()) await compare(query, reader, profiles, tallies[q]!)
      done += chunk.length
      onProgress(done)
    }
  }
  return tallies.flat()
}

async function* once(page: Promise<string[]>): AsyncGenerator<string[]> {
  yield await page
}

async function* pages(reader: ParityReader): AsyncGenerator<string[]> {
  let after = ''
  for (;;) {
    const page = await reader.customers(after, pageCustomers)
    yield page
    if (page.length < pageCustomers) return
    after = page.at(-1)!
  }
}

async function compare(
  query: FeatureQuery,
  reader: ParityReader,
  profiles: readonly StoredFeatures[],
  tallies: readonly FeatureTally[],
): Promise<void> {
  if (profiles.length === 0) return
  let computed: Computed[]
  try {
    computed = await reader.compute(query, profiles)
  } catch (error) {
    // Too much for the server's limits of time or memory: try again in two halves.
    if (!(error instanceof StoreError) || error.code !== 'overloaded' || profiles.length === 1) throw error
    const middle = profiles.length >> 1
    await compare(query, reader, profiles.slice(0, middle), tallies)
    return compare(query, reader, profiles.slice(middle), tallies)
  }
  const byKey = new Map(computed.map((row) => [keyOf(row), row.cells]))
  for (const profile of profiles) {
    const cells = byKey.get(keyOf(profile))
    for (const [i, feature] of query.features.entries()) {
      if (profile.isReady(feature.name)) addToTally(tallies[i]!, feature, profile, cells?.[i])
    }
  }
}

const keyOf = ({ partition, customer }: Computed | StoredFeatures) => `${partition} ${customer}`
