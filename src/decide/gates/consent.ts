import { mayBeAddressed } from '../../consent/consent.ts'
import type { Customer } from '../customer.ts'
import type { Refusal } from '../decision.ts'
import type { Action, Treatment } from '../policy.ts'

const refusal: Refusal = { reason: 'consent', gate: '' }

/** Holds back an action for whose purpose the customer has not given consent, by its channel. One without a purpose needs none. */
export function consent({ purpose }: Action, { channel }: Treatment, { consent }: Customer): Refusal | undefined {
  return purpose === '' || mayBeAddressed(consent, purpose, channel) ? undefined : refusal
}
