import { Event } from '../events/event.ts'
import type { FeatureSet } from '../features/features.ts'
import { writeCheckpointRow, writeProfileRow } from '../store/profile-row.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import { nextOffsetOf, profileVersion } from '../store/profile-version.ts'
import { RowBuffer, type RowChunk } from '../store/row-binary.ts'
import { groupSignatures, readState, writeState } from './codec.ts'
import { Profile } from './profile.ts'
import { readFeatures } from './readable.ts'

/**
 * The profiles of one partition: in memory while hot, in the store behind the stream. `load` reads those that are not in
 * memory, many in one query; `snapshot` encodes those that changed since the last one, for one insert.
 */
export class ProfileCache {
  readonly #store: ProfileStore
  readonly #topic: string
  readonly #partition: number
  readonly #features: FeatureSet
  readonly #signatures: readonly number[]
  readonly #profiles = new Map<string, Profile>()
  readonly #state = new RowBuffer(4 * 1024)
  readonly #rows = new RowBuffer(16 * 1024)
  #dirty: Profile[] = []
  /** Nothing is stored that is not in memory, so a customer who is not here is new. */
  readonly #complete: boolean

  constructor(store: ProfileStore, topic: string, partition: number, features: FeatureSet, storeIsEmpty: boolean) {
    this.#store = store
    this.#topic = topic
    this.#partition = partition
    this.#features = features
    this.#signatures = groupSignatures(features)
    this.#complete = storeIsEmpty
  }

  get size(): number {
    return this.#profiles.size
  }

  get hasChanges(): boolean {
    return this.#dirty.length > 0
  }

  /** The profile of a customer that was loaded, or a new one. */
  readonly of = (customer: string): Profile => {
    let profile = this.#profiles.get(customer)
    if (profile === undefined) {
      profile = new Profile(customer)
      this.#profiles.set(customer, profile)
    }
    return profile
  }

  /** The customers of a slice whose profiles must be read before it is folded. */
  missing(decoded: readonly unknown[]): string[] {
    if (this.#complete) return []
    const missing = new Set<string>()
    for (const event of decoded) {
      if (event instanceof Event && !this.#profiles.has(event.customer)) missing.add(event.customer)
    }
    return [...missing]
  }

  /** @throws StoreError, StateError */
  async load(customers: readonly string[]): Promise<void> {
    for (const { customer, version, state, deleted } of await this.#store.read(
      this.#topic,
      this.#partition,
      customers,
    )) {
      const profile = deleted ? new Profile(customer) : readState(customer, state, this.#signatures)
      profile.nextOffset = nextOffsetOf(version)
      this.#profiles.set(customer, profile)
    }
  }

  /** Notes a profile that a slice changed; it is in the next snapshot. */
  changed(profile: Profile): void {
    if (profile.dirty) return
    profile.dirty = true
    this.#dirty.push(profile)
  }

  /**
   * The rows of the changed profiles and the checkpoint row that speaks for them, as of `nextOffset`: all before it is
   * folded in, and committed.
   */
  snapshot(nextOffset: number): RowChunk {
    const version = profileVersion(0, nextOffset)
    let latestMs = 0
    for (const profile of this.#dirty) {
      latestMs = Math.max(latestMs, profile.streamTimeMs)
      this.#writeRow(profile, version)
      profile.dirty = false
    }
    this.#dirty = []
    writeCheckpointRow(this.#rows, this.#topic, this.#partition, version, latestMs, Buffer.alloc(0))
    return this.#rows.take()
  }

  #writeRow(profile: Profile, version: bigint): void {
    const { customer, streamTimeMs, session, traits } = profile
    writeState(this.#state, profile, this.#signatures)
    this.#state.endRow()
    writeProfileRow(this.#rows, {
      topic: this.#topic,
      partition: this.#partition,
      customer,
      version,
      streamTimeMs,
      session,
      ...readFeatures(this.#features, profile, streamTimeMs),
      traits,
      state: this.#state.take().bytes,
      deleted: false,
    })
  }
}
