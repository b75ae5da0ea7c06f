/** What the records of a topic are: what customers did, what came of actions, what is known of customers, or what they agreed to. */
export const roles = ['events', 'outcomes', 'traits', 'consent'] as const
export type Role = (typeof roles)[number]

/** Whether they are no events: they state what is so. */
export const areStatements = (role: Role | undefined): role is 'traits' | 'consent' =>
  role === 'traits' || role === 'consent'
