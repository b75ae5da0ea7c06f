import { drawOf } from './chance.ts'
import type { Arm, Holdout } from './policy.ts'

/**
 * Who is in the holdout: by a hash of the salt and the customer, and by nothing else. So it stays the same whatever becomes of
 * the rules, and a larger share holds those of a smaller one.
 */
export function armsOf(holdout: Holdout | undefined): (customer: string) => Arm {
  if (holdout === undefined) return () => ''
  const { share, salt } = holdout
  return (customer) => (drawOf('holdout', salt, customer) < share ? 'holdout' : 'treated')
}
