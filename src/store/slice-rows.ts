import type { Decision } from '../decide/decide.ts'
import type { PublishedAction } from '../emit/action.ts'
import type { Cause } from '../emit/cause.ts'
import type { Enrichment } from '../enrich/enrichment.ts'
import type { Session } from '../enrich/session.ts'
import type { Event } from '../events/event.ts'
import { actionsTable, writeActionRow } from './action-row.ts'
import { decisionsTable, writeDecisionRow } from './decision-row.ts'
import { eventsTable, writeEventRow } from './event-row.ts'
import { RowBuffer, type RowChunk } from './row-binary.ts'
import type { RowWriter } from './row-writer.ts'

/** The rows of one slice, ready for the store once the slice is committed. */
export interface SliceChunks {
  readonly events: RowChunk
  readonly decisions: RowChunk
  readonly actions: RowChunk
}

interface RowCounts {
  readonly events: number
  readonly decisions: number
  readonly actions: number
}

/** Collects the rows of a slice. One instance serves all tasks, since a slice is folded without a pause. */
export class SliceRows {
  readonly #events = new RowBuffer()
  readonly #decisions = new RowBuffer()
  readonly #actions = new RowBuffer()

  event(
    topic: string,
    partition: number,
    offset: number,
    position: number,
    event: Event,
    enrichment: Enrichment,
    session: Session,
    late: boolean,
    duplicate: boolean,
  ): void {
    const { index, startMs } = session
    writeEventRow(this.#events, topic, partition, offset, position, event, enrichment, index, startMs, late, duplicate)
  }

  decision(cause: Cause, customer: string, asOfMs: number, nowMs: number, policy: string, decision: Decision): void {
    writeDecisionRow(this.#decisions, cause, customer, asOfMs, nowMs, policy, decision)
  }

  action(action: PublishedAction, position: number, nowMs: number): void {
    writeActionRow(this.#actions, action, position, nowMs)
  }

  /** How many there are so far. */
  counts(): RowCounts {
    return { events: this.#events.rows, decisions: this.#decisions.rows, actions: this.#actions.rows }
  }

  /** Keeps the first so many, and forgets all that was written behind them, finished or not. */
  keep({ events, decisions, actions }: RowCounts): void {
    this.#events.keep(events)
    this.#decisions.keep(decisions)
    this.#actions.keep(actions)
  }

  take(): SliceChunks {
    return { events: this.#events.take(), decisions: this.#decisions.take(), actions: this.#actions.take() }
  }
}

/** Hands a committed slice's rows to the store. */
export function writeSlice(writer: RowWriter, { events, decisions, actions }: SliceChunks): void {
  if (events.rowEnds.length > 0) writer.write(eventsTable, events)
  if (decisions.rowEnds.length > 0) writer.write(decisionsTable, decisions)
  if (actions.rowEnds.length > 0) writer.write(actionsTable, actions)
}
