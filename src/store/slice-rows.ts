import type { Decided, FoldedEvent } from '../slice-output.ts'
import { actionsTable, writeActionRow } from './action-row.ts'
import { decisionsTable, writeDecisionRow } from './decision-row.ts'
import { eventsTable, writeEventRow } from './event-row.ts'
import { RowBuffer, type RowChunk } from './row-binary.ts'
import type { RowWriter } from './row-writer.ts'

/** Makes the rows of slices. One instance serves all tasks, since rows are made without a pause. */
export class SliceRows {
  readonly #events = new RowBuffer()
  readonly #decisions = new RowBuffer()
  readonly #actions = new RowBuffer()

  /** The events of a piece of a slice as rows, so that they themselves can go. */
  ofEvents(topic: string, partition: number, events: readonly FoldedEvent[]): RowChunk {
    try {
      for (const event of events) writeEventRow(this.#events, topic, partition, event)
    } catch (error) {
      // Nothing half written may get into another slice's rows.
      this.#events.take()
      throw error
    }
    return this.#events.take()
  }

  /** Hands all rows of a committed slice to the store. */
  store(writer: RowWriter, events: readonly RowChunk[], decisions: readonly Decided[]): void {
    for (const decided of decisions) {
      writeDecisionRow(this.#decisions, decided)
      for (const action of decided.actions) writeActionRow(this.#actions, action, decided.cause.position, decided.nowMs)
    }
    for (const chunk of events) if (chunk.rowEnds.length > 0) writer.write(eventsTable, chunk)
    if (this.#decisions.rows > 0) writer.write(decisionsTable, this.#decisions.take())
    if (this.#actions.rows > 0) writer.write(actionsTable, this.#actions.take())
  }
}
