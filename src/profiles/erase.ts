import { Profile } from './profile.ts'

/**
 * Forgets all that is known of the customer. What comes of them from that position on makes a new profile; the profile's place
 * in the cache and in the partition stays as it is.
 */
export function eraseProfile(profile: Profile, erasedBefore: number): void {
  const { customer, position, dirty, changes, used, bytes } = profile
  Object.assign(profile, new Profile(customer), { position, dirty, changes, used, bytes, erasedBefore })
}

/** Erased, and nothing has come of the customer since: there is no profile. */
export function isErased({ erasedBefore, streamTimeMs, recentIds }: Profile): boolean {
  return erasedBefore > 0 && streamTimeMs === 0 && recentIds.size === 0
}
