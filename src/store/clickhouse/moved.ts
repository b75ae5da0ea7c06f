/**
 * The position at which the partitions last began anew for more of them: rows of `events`, `decisions` and `actions` from
 * before it lie where the customer was then, which may be any partition. 0 where there never were more.
 */
const movedAt = "max(JSONExtractUInt(state, 'moved', 'position'))"

export const movedPosition = `(SELECT ${movedAt} FROM profiles WHERE customer = '')`

/** The same, of a query over one partition. */
export const movedPositionOfPartition = `(SELECT ${movedAt} FROM profiles WHERE partition = {partition:UInt16} AND customer = '')`
