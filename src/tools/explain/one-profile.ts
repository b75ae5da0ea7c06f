import { lackingAfter } from '../../features/carry-over.ts'
import { isErased } from '../../profiles/erase.ts'
import { Profile } from '../../profiles/profile.ts'
import { ProfileRows, type Rules } from '../../profiles/profile-rows.ts'
import type { Profiles } from '../../slice-input.ts'
import { forgetNotReady } from '../../timers/crossing.ts'

/** The profile of one customer, built up anew from nothing; what other customers have is none of its business. */
export class OneProfile implements Profiles {
  readonly profile: Profile
  origin = 0
  readonly #partition: number
  #rules: Rules
  #rows: ProfileRows

  constructor(customer: string, partition: number, rules: Rules, erasedBefore: number) {
    this.profile = new Profile(customer)
    this.profile.erasedBefore = erasedBefore
    this.#partition = partition
    this.#rules = rules
    this.#rows = new ProfileRows(partition, rules)
  }

  of(): Profile {
    return this.profile
  }

  take(profile: Profile, position: number): boolean {
    if (position < profile.position) return false
    profile.position = position + 1
    return true
  }

  /** Nobody asks when its timers are due: the journal tells when they fired. */
  schedule(): void {}

  /**
   * Switches to other rules as a worker does that reads the profile's row under them: what is the same under both keeps what it
   * has gathered, the rest is not ready.
   */
  useRules(rules: Rules): void {
    const { features, timers } = this.#rules
    if (rules.features === features && rules.timers === timers) return
    const { profile } = this
    const rows = new ProfileRows(this.#partition, rules)
    if (profile.position > 0) {
      const { position, erasedBefore, notReady } = profile
      const { customer: _same, ...restored } = rows.read(profile.customer, this.#rows.stateOf(profile))
      Object.assign(profile, restored, { position, erasedBefore })
      profile.notReady = isErased(profile) ? undefined : lackingAfter(features, notReady, rules.features)
      forgetNotReady(rules.timers, profile)
    }
    this.#rules = rules
    this.#rows = rows
  }
}
