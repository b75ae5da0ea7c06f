import { z } from 'zod'

/** Of features, actions, gates, rules, groups and tags. */
export const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'a name of lower-case letters, digits and _, at most 64 characters')
