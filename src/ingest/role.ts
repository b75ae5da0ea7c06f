/** What the records of a topic are: what customers did, or what came of actions. */
export const roles = ['events', 'outcomes'] as const
export type Role = (typeof roles)[number]
