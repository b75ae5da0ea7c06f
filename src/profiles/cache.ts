import { Event } from '../events/event.ts'
import type { FeatureSet } from '../features/features.ts'
import { hashId } from '../ingest/recent-ids.ts'
import { writeCheckpointRow, writeProfileRow } from '../store/profile-row.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import { nextOffsetOf, profileVersion } from '../store/profile-version.ts'
import { RowBuffer, type RowChunk } from '../store/row-binary.ts'
import { BloomFilter } from './bloom-filter.ts'
import { type Layout, layoutOf, readState, writeState } from './codec.ts'
import { Profile } from './profile.ts'
import { readFeatures } from './readable.ts'

/** A profile's objects beside what its state takes: found by comparing heaps before and after. */
const overheadBytes = 700
/** What a byte of encoded state takes in memory: numbers are 8 bytes there, and packed here. */
const expansion = 4

/**
 * The profiles of one partition: in memory while hot, in the store behind the stream. `load` reads those that are not in
 * memory, many in one query; `snapshot` encodes those that changed since the last one, for one insert; `evict` lets go of
 * those that are stored and were not used lately, down to a bound.
 */
export class ProfileCache {
  readonly #store: ProfileStore
  readonly #topic: string
  readonly #partition: number
  #features: FeatureSet
  #layout: Layout
  /** In the order in which `evict` looks at them. */
  readonly #profiles = new Map<string, Profile>()
  readonly #state = new RowBuffer(4 * 1024)
  readonly #rows = new RowBuffer(16 * 1024)
  #changed: Profile[] = []
  /** The latest stored checkpoint: a profile that did not change since then is in the store. */
  #storedOffset = 0
  #bytes = 0
  #newestOffset = 0
  /** Who may be in the store and not in memory; undefined: anybody may. */
  readonly #away: BloomFilter | undefined

  constructor(store: ProfileStore, topic: string, partition: number, features: FeatureSet, storeIsEmpty: boolean) {
    this.#store = store
    this.#topic = topic
    this.#partition = partition
    this.#features = features
    this.#layout = layoutOf(features)
    this.#away = storeIsEmpty ? new BloomFilter() : undefined
  }

  get size(): number {
    return this.#profiles.size
  }

  /** The newest row that was loaded includes the input before it. */
  get newestOffset(): number {
    return this.#newestOffset
  }

  /** The profile of a customer that was loaded, or a new one. */
  of(customer: string): Profile {
    let profile = this.#profiles.get(customer)
    if (profile === undefined) {
      profile = new Profile(customer)
      this.#profiles.set(customer, profile)
      this.#bytes += profile.bytes
    }
    profile.used = true
    return profile
  }

  /** The customers of a slice whose profiles must be read before it is folded. */
  missing(decoded: readonly unknown[]): string[] {
    const missing = new Set<string>()
    if (this.#away?.isEmpty) return []
    for (const event of decoded) {
      if (!(event instanceof Event) || this.#profiles.has(event.customer)) continue
      if (this.#away === undefined || this.#away.mayHave(hashId(event.customer))) missing.add(event.customer)
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
      const profile = deleted ? new Profile(customer) : readState(customer, state, this.#layout)
      profile.nextOffset = nextOffsetOf(version)
      this.#newestOffset = Math.max(this.#newestOffset, profile.nextOffset)
      profile.bytes = overheadBytes + state.length * expansion
      this.#profiles.set(customer, profile)
      this.#bytes += profile.bytes
    }
  }

  /**
   * Goes on with other features: those that stayed the same keep what they have gathered. Profiles that did not change are
   * forgotten, since the store may have them as of later, with more features than these.
   */
  useFeatures(features: FeatureSet): void {
    if (features === this.#features) return
    const layout = layoutOf(features)
    for (const profile of this.#profiles.values()) {
      if (profile.dirty) {
        writeState(this.#state, profile, this.#layout)
        this.#state.endRow()
        profile.groups = readState(profile.customer, this.#state.take().bytes, layout).groups
      } else {
        this.#profiles.delete(profile.customer)
        this.#bytes -= profile.bytes
        this.#away?.add(hashId(profile.customer))
      }
    }
    this.#features = features
    this.#layout = layout
  }

  /** Notes a profile that a slice changed; it is in the next snapshot. */
  changed(profile: Profile): void {
    if (profile.dirty) return
    profile.dirty = true
    this.#changed.push(profile)
  }

  /**
   * The rows of the changed profiles and the checkpoint row that speaks for them, as of `nextOffset`: all before it is
   * folded in, and committed.
   */
  snapshot(nextOffset: number, checkpoint: Buffer): RowChunk {
    const version = profileVersion(0, nextOffset)
    let latestMs = 0
    for (const profile of this.#changed) {
      latestMs = Math.max(latestMs, profile.streamTimeMs)
      this.#writeRow(profile, version)
      profile.dirty = false
      profile.nextOffset = nextOffset
    }
    this.#changed = []
    writeCheckpointRow(this.#rows, this.#topic, this.#partition, version, latestMs, checkpoint)
    return this.#rows.take()
  }

  /** The snapshot of that offset is in the store. */
  stored(nextOffset: number): void {
    this.#storedOffset = nextOffset
  }

  /**
   * Lets go of profiles that the store has, in the order of a clock: one that was used since it was last looked at gets
   * a second chance. Ends at the bound, or when each was looked at twice.
   */
  evict(maxBytes: number): void {
    let looks = this.#profiles.size * 2
    for (const [customer, profile] of this.#profiles) {
      if (this.#bytes <= maxBytes || looks-- <= 0) return
      this.#profiles.delete(customer)
      if (profile.used || profile.dirty || profile.nextOffset > this.#storedOffset) {
        profile.used = false
        this.#profiles.set(customer, profile)
      } else {
        this.#bytes -= profile.bytes
        this.#away?.add(hashId(customer))
      }
    }
  }

  #writeRow(profile: Profile, version: bigint): void {
    const { customer, streamTimeMs, session, traits } = profile
    writeState(this.#state, profile, this.#layout)
    this.#state.endRow()
    const state = this.#state.take().bytes
    this.#bytes -= profile.bytes
    profile.bytes = overheadBytes + state.length * expansion
    this.#bytes += profile.bytes
    writeProfileRow(this.#rows, {
      topic: this.#topic,
      partition: this.#partition,
      customer,
      version,
      streamTimeMs,
      session,
      ...readFeatures(this.#features, profile, streamTimeMs),
      traits,
      state,
      deleted: false,
    })
  }
}
