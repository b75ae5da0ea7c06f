import type { CaseChange, Decided, FoldedEvent, StatedConsent } from '../slice-output.ts'
import { actionsTable, writeActionRow } from './action-row.ts'
import { casesTable, writeCaseRow } from './case-row.ts'
import { consentTable, writeConsentRow } from './consent-row.ts'
import { decisionsTable, writeDecisionRow } from './decision-row.ts'
import { eventsTable, writeEventRow } from './event-row.ts'
import { RowBuffer, type RowChunk } from './row-binary.ts'
import type { RowWriter } from './row-writer.ts'

type WriteEvents = (events: readonly FoldedEvent[]) => void

/** What of a slice is stored. */
interface StoredOutput {
  readonly events: readonly RowChunk[]
  readonly decisions: readonly Decided[]
  readonly consents: readonly StatedConsent[]
  readonly cases: readonly CaseChange[]
}

/** Makes the rows of slices. All tasks can share one instance, since rows are made synchronously. */
export class SliceRows {
  readonly #events = new RowBuffer()
  readonly #decisions = new RowBuffer()
  readonly #actions = new RowBuffer()
  readonly #consents = new RowBuffer()
  readonly #cases = new RowBuffer()

  /**
   * Turns the events of a piece of a slice into rows, so that the events can be garbage-collected.
   * @param give passes them on run by run. With a generator they outlived the young generation, and GC took twice the time
   */
  ofEvents(topic: string, partition: number, give: (write: WriteEvents) => void): RowChunk {
    return chunkOf(this.#events, () =>
      give((events) => {
        for (const event of events) writeEventRow(this.#events, topic, partition, event)
      }),
    )
  }

  /** Hands all rows of a committed slice to the store. */
  store(writer: Pick<RowWriter, 'write'>, { events, decisions, consents, cases }: StoredOutput): void {
    for (const chunk of events) if (chunk.rowEnds.length > 0) writer.write(eventsTable, chunk)
    if (cases.length > 0) {
      const changed = chunkOf(this.#cases, () => {
        for (const change of cases) writeCaseRow(this.#cases, change)
      })
      writer.write(casesTable, changed)
    }
    if (consents.length > 0) {
      const said = chunkOf(this.#consents, () => {
        for (const one of consents) writeConsentRow(this.#consents, one)
      })
      writer.write(consentTable, said)
    }
    if (decisions.length === 0) return
    const decided = chunkOf(this.#decisions, () => {
      for (const one of decisions) writeDecisionRow(this.#decisions, one)
    })
    const published = chunkOf(this.#actions, () => {
      for (const { actions, cause, nowMs } of decisions) {
        for (const action of actions) writeActionRow(this.#actions, action, cause.position, nowMs)
      }
    })
    writer.write(decisionsTable, decided)
    if (published.rowEnds.length > 0) writer.write(actionsTable, published)
  }
}

/** If `write` throws, drops what is half written, so that it does not get into another slice's rows. */
function chunkOf(buffer: RowBuffer, write: () => void): RowChunk {
  try {
    write()
  } catch (error) {
    buffer.take()
    throw error
  }
  return buffer.take()
}
