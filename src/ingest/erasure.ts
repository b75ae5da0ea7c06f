import { checkedId } from './checked-id.ts'
import { Rejected } from './rejected.ts'
import { validateCustomer } from './validate.ts'

/** A record without a value, in a topic where that erases the customer its key names. */
export class Erasure {
  readonly customer: string

  constructor(customer: string) {
    this.customer = customer
  }
}

/** Reads the customer from the key (its bytes from `start` to `end`), under the same rules as an event's. A key is required. */
export function erasureOf(key: Buffer | null, start = 0, end = key?.length ?? 0): Erasure | Rejected {
  try {
    const customer = checkedId(key?.toString('utf8', start, end) ?? '')
    return validateCustomer(customer) ?? new Erasure(customer)
  } catch (fault) {
    if (fault instanceof Rejected) return fault
    throw fault
  }
}
