/** The sticky assignment in the form that kafkajs needs: what a member owns travels in its subscription's user data. */
import kafkajs, { type PartitionAssigner } from 'kafkajs'
import { assignPartitions } from '../assign.ts'

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol
const version = 1

/** @param owned called at every join; returns the partition numbers that the member holds */
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

/** Another member wrote it, perhaps in another version's format: then it counts as no claim. */
function readClaim(userData: Buffer | undefined): number[] {
  try {
    const claim: unknown = JSON.parse(userData?.toString() ?? '')
    return Array.isArray(claim) ? claim.filter(Number.isInteger) : []
  } catch {
    return []
  }
}
