import { nextDueOf } from '../../profiles/next-due.ts'
import { Profile } from '../../profiles/profile.ts'
import type { Profiles } from '../../slice-input.ts'
import { TimerQueue } from '../../timers/queue.ts'
import type { Timer } from '../../timers/timer.ts'

/** All profiles, in memory only. Bound: the number of customers. */
export class MemoryProfiles implements Profiles {
  /** One topic at a time: its offsets are the positions. */
  readonly origin = 0
  protected readonly profiles = new Map<string, Profile>()
  readonly #timers: readonly Timer[]
  readonly #queue = new TimerQueue(Number.POSITIVE_INFINITY, true)
  /** The largest event time so far of all customers; ms. It is the clock of a replay. */
  latestMs = 0

  constructor(timers: readonly Timer[]) {
    this.#timers = timers
  }

  get size(): number {
    return this.profiles.size
  }

  of(customer: string): Profile {
    let profile = this.profiles.get(customer)
    if (profile === undefined) {
      profile = new Profile(customer)
      this.profiles.set(customer, profile)
    }
    return profile
  }

  /** Nothing is ever read twice, so no profile is ahead; and nothing is written, so nobody asks what has changed. */
  take(): boolean {
    return true
  }

  schedule(profile: Profile): void {
    this.#queue.add(profile.customer, nextDueOf(this.#timers, profile))
  }

  /** When the next of all customers is due; ms, infinite if none is. */
  get nextDueMs(): number {
    return this.#queue.nextMs
  }

  /** Takes the customers whose timers may be due by the clock. */
  takeDue(clockMs: number): string[] {
    return this.#queue.take(clockMs, Number.POSITIVE_INFINITY)
  }

  all(): Iterable<Profile> {
    return this.profiles.values()
  }
}
