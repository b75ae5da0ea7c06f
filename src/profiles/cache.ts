import { Event } from '../events/event.ts'
import { lackingAfter } from '../features/carry-over.ts'
import type { FeatureSet } from '../features/features.ts'
import type { NotReady } from '../features/moment.ts'
import { type Gathered, gatheredKey } from '../store/event-history.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import type { RowChunk } from '../store/row-binary.ts'
import { forgetNotReady } from '../timers/crossing.ts'
import { BloomFilter } from './bloom-filter.ts'
import { DueTimers } from './due-timers.ts'
import { isErased } from './erase.ts'
import { Profile } from './profile.ts'
import { ProfileRows, type Rules } from './profile-rows.ts'
import { hashId } from './recent-ids.ts'

/** A profile's objects beside what its state takes: found by comparing heaps before and after. */
const overheadBytes = 700
/** Of fewer events a share says nothing. */
const leastForShare = 1_000
/** What a byte of encoded state takes in memory: numbers are 8 bytes there, and packed here. */
const expansion = 4

/**
 * The profiles of one partition: in memory while hot, in the store behind the stream. `load` reads those that are not in
 * memory, many in one query; `snapshot` encodes those that changed since the last one, for one insert; `evict` lets go of
 * those that are stored and were not used lately, down to a bound.
 */
export class ProfileCache {
  readonly #store: ProfileStore
  readonly #partition: number
  #rules: Rules
  #rows: ProfileRows
  /** The features of rules of before. */
  readonly #earlier: (policy: string) => Promise<FeatureSet | undefined>
  /** What is not ready in a stored profile, by its kind. */
  readonly #lacking = new Map<string, NotReady | undefined>()
  /** Whose timers are due next, also of those away. */
  readonly timers: DueTimers
  /** What the slice under way adds to an offset of its topic to get the position. */
  origin = 0
  /** In the order in which `evict` looks at them. */
  readonly #profiles = new Map<string, Profile>()
  #changed: Profile[] = []
  /** That of the latest stored checkpoint: a profile that did not change since then is in the store. */
  #storedPosition = 0
  #bytes = 0
  #busiestShare = 0
  #largestBytes = 0
  #newestPosition = 0
  /** Who may be in the store and not in memory; undefined: anybody may. */
  readonly #away: BloomFilter | undefined

  constructor(
    store: ProfileStore,
    partition: number,
    rules: Rules,
    earlier: (policy: string) => Promise<FeatureSet | undefined>,
    storeIsEmpty: boolean,
  ) {
    this.#store = store
    this.#partition = partition
    this.#rules = rules
    this.#earlier = earlier
    this.#rows = new ProfileRows(partition, rules)
    this.timers = new DueTimers(store, partition, rules.timers, storeIsEmpty)
    this.#away = storeIsEmpty ? new BloomFilter() : undefined
  }

  get size(): number {
    return this.#profiles.size
  }

  /** The busiest customer's share of what the last snapshot took in; 0 where that was too little to tell. */
  get busiestShare(): number {
    return this.#busiestShare
  }

  /** The largest state among the profiles of the last snapshot. */
  get largestBytes(): number {
    return this.#largestBytes
  }

  /** The newest row that was loaded includes what came before that position. */
  get newestPosition(): number {
    return this.#newestPosition
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

  /**
   * Notes that the slice changes it; it is in the next snapshot. False where it includes that already.
   * @param position that of the event; of a timer, the first one that its slice's events do not include
   */
  take(profile: Profile, position: number): boolean {
    if (position < profile.position) return false
    profile.position = position + 1
    profile.changes++
    if (!profile.dirty) {
      profile.dirty = true
      this.#changed.push(profile)
    }
    return true
  }

  /** The customers of a slice whose profiles must be read before it is folded. */
  missing(decoded: readonly unknown[]): string[] {
    const missing = new Set<string>()
    if (this.#away?.isEmpty) return []
    for (const event of decoded) if (event instanceof Event && this.#isAway(event.customer)) missing.add(event.customer)
    return [...missing]
  }

  /** Those who must be loaded. */
  awayOf(customers: readonly string[]): string[] {
    return customers.filter((customer) => this.#isAway(customer))
  }

  /** Notes when the first of its timers is due. */
  schedule(profile: Profile): void {
    this.timers.schedule(profile)
  }

  /** Reads whose timers are due next. The stored ones come from the store, the others lie in memory. @throws StoreError */
  async loadTimers(): Promise<void> {
    await this.timers.load(this.#unstored())
  }

  /** @throws StoreError, StateError */
  async load(customers: readonly string[]): Promise<void> {
    const found = await this.#store.read(this.#partition, customers)
    for (const row of found) await this.#findLacking(row)
    for (const row of found) {
      const { customer, version, state, erasedBefore, deleted } = row
      const profile = deleted ? new Profile(customer) : this.#rows.read(customer, state)
      if (!deleted) profile.notReady = this.#lacking.get(gatheredKey(row))
      forgetNotReady(this.#rules.timers, profile)
      profile.erasedBefore = erasedBefore
      profile.position = version
      this.#newestPosition = Math.max(this.#newestPosition, profile.position)
      profile.bytes = overheadBytes + state.length * expansion
      this.#profiles.set(customer, profile)
      this.#bytes += profile.bytes
    }
  }

  /** Those in memory that have features which are not ready. */
  *notReady(): Generator<string> {
    for (const { customer, notReady } of this.#profiles.values()) if (notReady !== undefined) yield customer
  }

  /** Once for each kind of row, of which there are few. @throws StoreError */
  async #findLacking(kind: Gathered): Promise<void> {
    const key = gatheredKey(kind)
    if (this.#lacking.has(key)) return
    const { features, policy } = this.#rules
    const before = kind.policy === policy ? features : await this.#earlier(kind.policy)
    this.#lacking.set(key, lackingAfter(before, new Set(kind.notReady), features))
  }

  /**
   * Goes on with other rules: features and timers that stayed the same keep what they have gathered, and others are not
   * ready. Profiles that did not change are forgotten, since the store may have them as of later, with more features than
   * these.
   */
  useRules(rules: Rules): void {
    const { features, timers } = this.#rules
    if (rules.features === features && rules.timers === timers) return
    const rows = new ProfileRows(this.#partition, rules)
    for (const profile of this.#profiles.values()) {
      if (profile.dirty) {
        const restored = rows.read(profile.customer, this.#rows.stateOf(profile))
        profile.groups = restored.groups
        profile.timers = restored.timers
        // As it will be read again: an erased one lacks nothing.
        profile.notReady = isErased(profile) ? undefined : lackingAfter(features, profile.notReady, rules.features)
        forgetNotReady(rules.timers, profile)
      } else {
        this.#profiles.delete(profile.customer)
        this.#bytes -= profile.bytes
        this.#away?.add(hashId(profile.customer))
      }
    }
    this.#rules = rules
    this.#rows = rows
    this.timers.useTimers(rules.timers)
    this.#lacking.clear()
  }

  /**
   * The rows of the changed profiles and the checkpoint row that speaks for them, as of a position: all before it is folded
   * in, and committed. Where one of them makes the code throw, all are as if none had been taken.
   */
  snapshot(position: number, checkpoint: Buffer): RowChunk {
    this.#largestBytes = 0
    const rows = this.#rows.snapshot(this.#changed, position, checkpoint, (profile, stateBytes) => {
      this.#setBytes(profile, stateBytes)
      this.#largestBytes = Math.max(this.#largestBytes, stateBytes)
    })
    let changes = 0
    let most = 0
    for (const profile of this.#changed) {
      changes += profile.changes
      most = Math.max(most, profile.changes)
      profile.changes = 0
      profile.dirty = false
      profile.position = position
    }
    this.#changed = []
    this.#busiestShare = changes < leastForShare ? 0 : most / changes
    return rows
  }

  /** The snapshot of that position is in the store. */
  stored(position: number): void {
    this.#storedPosition = position
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
      if (profile.used || profile.later !== undefined || !this.#isStored(profile)) {
        profile.used = false
        this.#profiles.set(customer, profile)
      } else {
        this.#bytes -= profile.bytes
        this.#away?.add(hashId(customer))
      }
    }
  }

  *#unstored(): Generator<Profile> {
    for (const profile of this.#profiles.values()) if (!this.#isStored(profile)) yield profile
  }

  #isStored({ dirty, position }: Profile): boolean {
    return !dirty && position <= this.#storedPosition
  }

  #isAway(customer: string): boolean {
    if (this.#profiles.has(customer)) return false
    return this.#away === undefined || this.#away.mayHave(hashId(customer))
  }

  #setBytes(profile: Profile, stateBytes: number): void {
    this.#bytes -= profile.bytes
    // Totals beside the rows take about as much again.
    const copies = profile.groups.some((rows) => rows?.totals !== undefined) ? 2 : 1
    profile.bytes = overheadBytes + stateBytes * expansion * copies
    this.#bytes += profile.bytes
  }
}
