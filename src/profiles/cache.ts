import { Event } from '../events/event.ts'
import { lackingAfter } from '../features/carry-over.ts'
import type { FeatureSet } from '../features/features.ts'
import type { NotReady } from '../features/moment.ts'
import { ConsentStatement } from '../ingest/consent.ts'
import { TraitStatement } from '../ingest/traits.ts'
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

/** Memory of a profile's objects besides its state; measured by comparing heaps. */
const overheadBytes = 700
/** With fewer events a share says nothing. */
const leastForShare = 1_000
/** Bytes in memory for a byte of encoded state: numbers take 8 bytes in memory, and are packed in the state. */
const expansion = 4

/**
 * The profiles of one partition: in memory while hot, and in the store, which lags behind the stream. `load` reads those that
 * are not in memory, many in one query. `snapshot` encodes those that changed since the last one, for one insert. `evict`
 * drops those that are stored and were not used lately, until the rest fits a bound.
 */
export class ProfileCache {
  readonly #store: ProfileStore
  readonly #partition: number
  #rules: Rules
  #rows: ProfileRows
  /** The features of an earlier policy. */
  readonly #earlier: (policy: string) => Promise<FeatureSet | undefined>
  /** The features that are not ready in a stored profile, by its kind. */
  readonly #lacking = new Map<string, NotReady | undefined>()
  /** Whose timers are due next; includes customers that are not in memory. */
  readonly timers: DueTimers
  /** The current slice adds it to an offset of its topic to get the position. */
  origin = 0
  /** In the order in which `evict` visits them. */
  readonly #profiles = new Map<string, Profile>()
  #changed: Profile[] = []
  /** Position of the latest stored checkpoint: a profile that has not changed since is in the store. */
  #storedPosition = 0
  #bytes = 0
  #busiestShare = 0
  #largestBytes = 0
  #newestPosition = 0
  /** Customers that may be in the store but not in memory; undefined: anybody may. */
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
    this.timers = new DueTimers(store, partition, rules.timers, storeIsEmpty || isNothingDue(rules))
    this.#away = storeIsEmpty ? new BloomFilter() : undefined
  }

  get size(): number {
    return this.#profiles.size
  }

  /** The busiest customer's share of the changes in the last snapshot; 0 where there were too few to tell. */
  get busiestShare(): number {
    return this.#busiestShare
  }

  /** The largest state among the profiles of the last snapshot. */
  get largestBytes(): number {
    return this.#largestBytes
  }

  /** The newest row that was loaded includes everything before this position. */
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
   * Notes that the slice changes the profile, so that it is in the next snapshot.
   * @param position the event's; for a timer, the first one after its slice's events
   * @returns false where the profile includes that position already
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
    for (const one of decoded) if (readsProfile(one) && this.#isAway(one.customer)) missing.add(one.customer)
    return [...missing]
  }

  /** The customers that must be loaded. */
  awayOf(customers: readonly string[]): string[] {
    return customers.filter((customer) => this.#isAway(customer))
  }

  /** Notes when the first of the profile's timers is due. */
  schedule(profile: Profile): void {
    this.timers.schedule(profile)
  }

  /** Reads whose timers are due next: from the store, and from memory for profiles that are not stored. @throws StoreError */
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

  /** The customers in memory with features that are not ready. */
  *notReady(): Generator<string> {
    for (const { customer, notReady } of this.#profiles.values()) if (notReady !== undefined) yield customer
  }

  /** Runs once for each kind of row; there are few. @throws StoreError */
  async #findLacking(kind: Gathered): Promise<void> {
    const key = gatheredKey(kind)
    if (this.#lacking.has(key)) return
    const { features, policy } = this.#rules
    const before = kind.policy === policy ? features : await this.#earlier(kind.policy)
    this.#lacking.set(key, lackingAfter(before, new Set(kind.notReady), features))
  }

  /**
   * Switches to other rules. Features and timers that are the same under both keep what they have gathered; the others are not
   * ready. Profiles without unsaved changes are dropped: the store may have later versions of them, with more features ready.
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
        // The same as when it is read from its row: an erased profile lacks nothing.
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
   * The rows of the changed profiles, and the checkpoint row that vouches for them. All input before the position must be
   * folded in and committed. If the code throws on a profile, it is as if no snapshot had been taken.
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
   * Drops profiles that the store has, by the CLOCK algorithm: a profile that was used since the last visit gets a second
   * chance. Ends at the bound, or when each was visited twice.
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
    // Totals take about as much memory as the rows themselves.
    const copies = profile.groups.some((rows) => rows?.totals !== undefined) ? 2 : 1
    profile.bytes = overheadBytes + stateBytes * expansion * copies
    this.#bytes += profile.bytes
  }
}

/** Whether a record is folded into its customer's profile: an erasure makes a new one. */
const readsProfile = (decoded: unknown): decoded is Event | TraitStatement | ConsentStatement =>
  decoded instanceof Event || decoded instanceof TraitStatement || decoded instanceof ConsentStatement

/** Whether nothing is ever due by itself under these rules: then the store need not be asked. */
const isNothingDue = ({ timers, hasOthersDue }: Rules) => timers.length === 0 && hasOthersDue !== true
