import type { ClickHouseClient } from '@clickhouse/client'
import { select } from '../../../store/clickhouse/select.ts'
import type { Counts, Span } from '../coverage.ts'

const within = 'time >= fromUnixTimestamp64Milli({fromMs:Int64}) AND time < fromUnixTimestamp64Milli({toMs:Int64})'

const selectShare = `
SELECT toString(countIf(trigger = '')), toString(countIf(trigger != '')), toString(countIf(empty(chosen))),
  (SELECT toString(count()) FROM events FINAL WHERE ${within} AND NOT duplicate)
FROM decisions FINAL WHERE ${within}`

const candidates = `
FROM decisions FINAL
ARRAY JOIN candidates AS action, reasons AS reason, gates AS gate, scores AS score
WHERE ${within}`

const selectReasons = `
SELECT action, reason, gate, toString(sum(one_in)), toString(sumIf(one_in, NOT isNaN(score))) ${candidates}
GROUP BY action, reason, gate ORDER BY action, sum(one_in) DESC, reason, gate`

const selectRivals = `
SELECT action, rival, toString(sum(one_in))
FROM (SELECT action, chosen, one_in ${candidates} AND reason = 'outranked')
ARRAY JOIN chosen AS rival
GROUP BY action, rival ORDER BY action, sum(one_in) DESC, rival`

/**
 * Whom nothing was chosen for, by what held their best candidate back most often. Where none was eligible there is no best one:
 * all of them count.
 */
const selectLeft = `
SELECT blamed.1 AS reason, blamed.2 AS gate, toString(count())
FROM (
  SELECT customer, argMax(blame, (times, blame)) AS blamed
  FROM (
    SELECT customer, arrayJoin(if(isNaN(scores[1]), arrayZip(reasons, gates), [(reasons[1], gates[1])])) AS blame, count() AS times
    FROM decisions FINAL
    WHERE ${within} AND notEmpty(candidates)
      AND customer NOT IN (SELECT customer FROM decisions WHERE ${within} AND notEmpty(chosen))
    GROUP BY customer, blame
  )
  GROUP BY customer
)
GROUP BY reason, gate ORDER BY count() DESC, reason, gate`

const selectCustomers = `
SELECT toString(uniqExact(customer)),
  toString(uniqExactIf(customer, customer NOT IN (SELECT customer FROM decisions WHERE ${within})))
FROM events WHERE ${within}`

const settings = { do_not_merge_across_partitions_select_final: 1 } as const

/** @param client must wait as long as a query over all that is stored takes @throws StoreError */
export async function readCounts(client: ClickHouseClient, span: Span): Promise<Counts> {
  const rowsOf = <Row>(query: string) =>
    select<Row>(client, { query, params: { ...span }, format: 'JSONCompactEachRow', settings })
  const [[ofEvents, ofTimers, withNothing, events]] = (await rowsOf<readonly [string, string, string, string]>(
    selectShare,
  )) as [readonly [string, string, string, string]]
  const [[customers, unheard]] = (await rowsOf<readonly [string, string]>(selectCustomers)) as [
    readonly [string, string],
  ]
  const reasons = await rowsOf<readonly [string, string, string, string, string]>(selectReasons)
  const rivals = await rowsOf<readonly [string, string, string]>(selectRivals)
  const left = await rowsOf<readonly [string, string, string]>(selectLeft)
  return {
    events: Number(events),
    stored: { of_events: Number(ofEvents), of_timers: Number(ofTimers), with_nothing: Number(withNothing) },
    customers: Number(customers),
    unheard: Number(unheard),
    reasons: reasons.map(([action, reason, gate, times, eligible]) => ({
      ...{ action, reason, gate },
      ...{ times: Number(times), eligible: Number(eligible) },
    })),
    rivals: rivals.map(([action, rival, times]) => ({ action, rival, times: Number(times) })),
    left: left.map(([reason, gate, count]) => ({ reason, gate, customers: Number(count) })),
  }
}
