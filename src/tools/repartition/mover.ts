/** The old and the new number of partitions, and the position from which the new one counts. */
export interface Numbers {
  readonly from: number
  readonly to: number
  readonly position: number
}

/** Numbers of customers, by their stored profiles. */
export interface Census {
  readonly customers: number
  /** Customers whose home is another partition under the new number. */
  readonly moving: number
  /** Profiles that are not in the partition the customer's id hashes to: they stay where they are. */
  readonly strays: number
}

/** The number of profiles, and a sum of hashes over everything in them, as text. */
export interface Sum {
  readonly count: number
  readonly hash: bigint
}

/** The port to the stored profiles. Every step may be repeated with the same effect. Everything throws StoreError. */
export interface ProfileMover {
  census(partition: number, numbers: Numbers): Promise<Census>
  /** Copies the partition's moving profiles to their new homes, as of the position. Reports how many were looked at. */
  copy(partition: number, numbers: Numbers, onProgress: (customers: number) => void): Promise<void>
  /** The sum over the profiles that are at home in one of the old partitions. */
  sumBefore(partition: number, numbers: Numbers): Promise<Sum>
  /** The sum over the profiles that will be at home in a partition, once copied ones count as gone from their old place. */
  sumAfter(partition: number, numbers: Numbers): Promise<Sum>
  /** Marks in the partition that the customers who moved are gone. */
  clear(partition: number, numbers: Numbers): Promise<void>
}
