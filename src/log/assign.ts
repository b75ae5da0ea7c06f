/** Which member owns which partition numbers: balanced, and sticky, so that a rebalance moves as few as possible. */

interface Member {
  readonly id: string
  /** What it has owned so far. Claims on numbers that do not exist or that another member holds are ignored. */
  readonly owned: readonly number[]
}

/**
 * Spreads partition numbers over members so that their counts differ by at most one. Every member keeps what it owned, up to
 * its share; the rest goes to members with room, in order. The same input gives the same output on every leader.
 */
export function assignPartitions(partitions: readonly number[], members: readonly Member[]): Map<string, number[]> {
  const free = new Set(partitions)
  const byId = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const claims = byId.map(({ id, owned }) => {
    const kept = owned.filter((partition) => free.delete(partition))
    return { id, kept }
  })
  // The members that hold the most get the larger shares: that moves the fewest. Sorting is stable, so ties go by id.
  claims.sort((a, b) => b.kept.length - a.kept.length)
  const share = Math.floor(partitions.length / members.length)
  const larger = partitions.length % members.length
  const room = claims.map(({ kept }, rank) => {
    const most = rank < larger ? share + 1 : share
    for (const partition of kept.splice(most)) free.add(partition)
    return most - kept.length
  })
  const left = [...free].sort((a, b) => a - b)
  claims.forEach(({ kept }, rank) => {
    kept.push(...left.splice(0, room[rank]))
    kept.sort((a, b) => a - b)
  })
  return new Map(claims.map(({ id, kept }) => [id, kept]))
}
