import type { ProfileStore } from '../store/profile-store.ts'
import { lookAhead } from '../timers/crossing.ts'
import { eventlessMoment } from '../timers/eventless-moment.ts'
import { TimerQueue } from '../timers/queue.ts'
import type { CrossingState } from '../timers/states.ts'
import type { Timer } from '../timers/timer.ts'
import { nextDueOf } from './next-due.ts'
import type { Profile } from './profile.ts'

/** The most customers with a timer that a partition keeps queued; some 15 MB. */
const maxQueued = 100_000
/** How many one read takes from the store. It is time to read when few are left and unread ones may be due soon. */
const queuedAtOnce = 50_000
const fewQueued = 25_000
const readAheadMs = 60_000

/** Whose timers are due next, among all customers of a partition: those in memory, and those in the store. */
export class DueTimers {
  readonly #store: ProfileStore
  readonly #partition: number
  readonly #queue: TimerQueue
  #timers: readonly Timer[]

  /** @param isComplete whether the store knows of nothing that is due */
  constructor(store: ProfileStore, partition: number, timers: readonly Timer[], isComplete: boolean) {
    this.#store = store
    this.#partition = partition
    this.#timers = timers
    this.#queue = new TimerQueue(maxQueued, isComplete)
  }

  useTimers(timers: readonly Timer[]): void {
    this.#timers = timers
  }

  /** Customers with a timer, as far as the queue reaches. */
  get pending(): number {
    return this.#queue.size
  }

  /** Whether one may be due by the clock. */
  mayFire(clockMs: number): boolean {
    return this.#queue.nextMs <= clockMs
  }

  /** Takes up to `most` customers whose timers may be due by the clock; `isDue` tells for sure once they are loaded. */
  take(clockMs: number, most: number): string[] {
    return this.#queue.take(clockMs, most)
  }

  /** Whether a timer is due by the clock; if not, puts the profile back in the queue. */
  isDue(profile: Profile, clockMs: number): boolean {
    if (nextDueOf(this.#timers, profile) <= clockMs) {
      const hasMoved = lookAheadAll(this.#timers, profile)
      // The stored row has the old time and must be written with the new one, so the profile goes through the slice.
      if (hasMoved && !profile.dirty) return true
      if (nextDueOf(this.#timers, profile) <= clockMs) return true
    }
    this.schedule(profile)
    return false
  }

  /** Notes when the profile is next due. */
  schedule(profile: Profile): void {
    this.#queue.add(profile.customer, nextDueOf(this.#timers, profile))
  }

  /** Whether it is time to read more timers from the store. */
  areLacking(clockMs: number): boolean {
    const { cursor, size } = this.#queue
    return cursor !== undefined && size < fewQueued && cursor.dueMs - readAheadMs <= clockMs
  }

  /**
   * Reads the next timers.
   * @param unstored the profiles whose present state is not in the store
   * @throws StoreError
   */
  async load(unstored: Iterable<Profile>): Promise<void> {
    const past = this.#queue.beginReading()
    try {
      for (const profile of unstored) this.schedule(profile)
      const found = await this.#store.readDue(this.#partition, past, queuedAtOnce)
      this.#queue.endReading(found, found.length < queuedAtOnce ? undefined : found.at(-1))
    } catch (error) {
      this.#queue.endReading([], past)
      throw error
    }
  }
}

/** Works out when a profile's conditions will change with time alone, so that nobody need look at it before. */
export function lookAheadAll(timers: readonly Timer[], profile: Profile): boolean {
  let hasMoved = false
  for (let i = 0; i < profile.timers.length; i++) {
    const timer = timers[i]!
    const state = profile.timers[i]
    if (timer.kind === 'absence' || state === undefined) continue
    if (lookAhead(timer, state as CrossingState, eventlessMoment(profile, 0))) hasMoved = true
  }
  return hasMoved
}
