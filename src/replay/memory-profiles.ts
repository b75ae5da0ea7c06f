import type { Profiles } from '../pipeline.ts'
import { Profile } from '../profiles/profile.ts'

/** All profiles, in memory only. Bound: the number of customers. */
export class MemoryProfiles implements Profiles {
  readonly #profiles = new Map<string, Profile>()
  /** The largest event time so far of all customers; ms. It is the clock of a replay. */
  latestMs = 0

  get size(): number {
    return this.#profiles.size
  }

  of(customer: string): Profile {
    let profile = this.#profiles.get(customer)
    if (profile === undefined) {
      profile = new Profile(customer)
      this.#profiles.set(customer, profile)
    }
    return profile
  }

  changed(): void {
    // Nothing is written, so nobody asks what has changed.
  }

  all(): Iterable<Profile> {
    return this.#profiles.values()
  }
}
