/**
 * The position at which the partitions began anew in the last repartition. Rows of `events`, `decisions`, `actions` and `cases` from
 * before it are in the customer's partition of that time, which may be any. 0 where there was no repartition.
 */
const movedAt = "max(JSONExtractUInt(state, 'moved', 'position'))"

export const movedPosition = `(SELECT ${movedAt} FROM profiles WHERE customer = '')`

/** The same, for a query over one partition. */
export const movedPositionOfPartition = `(SELECT ${movedAt} FROM profiles WHERE partition = {partition:UInt16} AND customer = '')`
