import type { ClickHouseClient } from '@clickhouse/client'
import { select } from './select.ts'

/** A row of the view `consent_now`; times are in UTC. */
export interface ConsentRow {
  readonly purpose: string
  /** Empty for all of which no other row says anything. */
  readonly channel: string
  readonly given: boolean
  readonly since: string
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

const selectConsent = `
SELECT purpose, channel, given, since, topic, partition, offset
FROM consent_now WHERE customer = {customer:String} ORDER BY purpose, channel`

/** What the customer has said about being addressed, as it is now. @throws StoreError */
export const readConsent = (client: ClickHouseClient, customer: string): Promise<ConsentRow[]> =>
  select(client, { query: selectConsent, params: { customer }, format: 'JSONEachRow' })
