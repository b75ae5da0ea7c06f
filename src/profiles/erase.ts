import { Profile } from './profile.ts'

/**
 * Forgets all that is known about the customer. Events from `erasedBefore` on make a new profile. The profile keeps its place in
 * the cache and in the partition.
 */
export function eraseProfile(profile: Profile, erasedBefore: number): void {
  const { customer, position, dirty, changes, used, bytes } = profile
  Object.assign(profile, new Profile(customer), { position, dirty, changes, used, bytes, erasedBefore })
}

/** Erased, and nothing of the customer has come since: there is no profile. */
export const isErased = (profile: Profile): boolean => profile.erasedBefore > 0 && isEmpty(profile)

/** Nothing came of the customer, except for events that were undone: there is nothing to store. */
export const isBlank = (profile: Profile): boolean => profile.erasedBefore === 0 && isEmpty(profile)

const isEmpty = ({ streamTimeMs, recentIds, traitTimes, consent }: Profile) =>
  streamTimeMs === 0 && recentIds.size === 0 && traitTimes.size === 0 && consent.size === 0
