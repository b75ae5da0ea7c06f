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
export const isErased = (profile: Profile): boolean => profile.erasedBefore > 0 && isEmpty(profile)

/** Nothing has ever come of the customer but what was undone: there is nothing to store. */
export const isBlank = (profile: Profile): boolean => profile.erasedBefore === 0 && isEmpty(profile)

const isEmpty = ({ streamTimeMs, recentIds }: Profile) => streamTimeMs === 0 && recentIds.size === 0
