/** The sticky assignment as kafkajs wants it: what a member owns travels in its subscription's user data. */
import kafkajs, { type PartitionAssigner } from 'kafkajs'
import { assignPartitions } from '../assign.ts'

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol
const version = 1

/** `owned` is asked at every join for the partition numbers that the member holds. */
export function stickyAssigner(owned: () => readonly number[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: 'beckon-sticky',
    version,
    protocol: ({ topics }) => ({
      name: 'beckon-sticky',
      metadata: MemberMetadata.encode({ version, topics, userData: Buffer.from(JSON.stringify(owned())) }),
    }),
    async assign({ members, topics }) {
      const numbers = new Map(
        topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
      )
      const claims = members.map(({ memberId, memberMetadata }) => ({
        id: memberId,
        owned: readClaim(MemberMetadata.decode(memberMetadata)?.userData),
      }))
      const all = [...new Set([...numbers.values()].flat())].sort((a, b) => a - b)
      return [...assignPartitions(all, claims)].map(([memberId, share]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version,
          assignment: Object.fromEntries(
            [...numbers].map(([topic, partitions]) => [topic, partitions.filter((number) => share.includes(number))]),
          ),
          userData: Buffer.alloc(0),
        }),
      }))
    },
  })
}

/** What another member wrote: of another version, maybe. No claim then. */
function readClaim(userData: Buffer | undefined): number[] {
  try {
    const claim: unknown = JSON.parse(userData?.toString() ?? '')
    return Array.isArray(claim) ? claim.filter(Number.isInteger) : []
  } catch {
    return []
  }
}
