/** Two numbers of partitions, and the position from which on the later one counts. */
export interface Numbers {
  readonly from: number
  readonly to: number
  readonly position: number
}

/** Customers, as their stored profiles tell. */
export interface Census {
  readonly customers: number
  /** Those whose home is another partition among the new number. */
  readonly moving: number
  /** Profiles that do not lie where the customer's id hashes to: they stay. */
  readonly strays: number
}

/** How many profiles, and a sum of hashes over all that they hold, as text. */
export interface Sum {
  readonly count: number
  readonly hash: bigint
}

/** The port to the stored profiles. Everything may be done again, to the same effect. Everything throws StoreError. */
export interface ProfileMover {
  census(partition: number, numbers: Numbers): Promise<Census>
  /** Copies the partition's profiles that move to their new homes, as of the position; hears how many were looked at. */
  copy(partition: number, numbers: Numbers, onProgress: (customers: number) => void): Promise<void>
  /** Of the profiles that lie at home in a partition of before. */
  sumBefore(partition: number, numbers: Numbers): Promise<Sum>
  /** Of the profiles that will, once the copied are taken for gone where they were. */
  sumAfter(partition: number, numbers: Numbers): Promise<Sum>
  /** Says in the partition that those who have moved are gone. */
  clear(partition: number, numbers: Numbers): Promise<void>
}
