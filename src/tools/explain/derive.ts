import { Unlike } from '../../earlier.ts'
import type { Engine } from '../../engine.ts'
import type { Enrichment } from '../../enrich/enrichment.ts'
import type { Event } from '../../events/event.ts'
import { planRefold, Refold } from '../../features/refold.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import type { OpenDecision } from '../../slice-input.ts'
import { type Decided, emptyOutput, type Quarantined } from '../../slice-output.ts'
import { type Decider, type Deciders, deciderOf } from './deciders.ts'
import { OneProfile } from './one-profile.ts'
import { StoredBatch } from './stored-batch.ts'
import type { Step, StoredEvent } from './story.ts'

/** What is known of how a customer's profile came about. */
export interface Story {
  readonly customer: string
  /** Where the customer lives now. */
  readonly partition: number
  /** No earlier position counts: the customer was erased just before; 0 where never. */
  readonly erasedBefore: number
  /** In order of position. */
  readonly events: readonly StoredEvent[]
  readonly steps: readonly Step[]
}

export interface DeriveOptions {
  /** Told of every decision in order, one on nothing included. */
  readonly onDecided: (decided: Decided) => void
  /** Told of the same just before each takes effect. */
  readonly onDecision?: (open: OpenDecision, engine: Engine) => void
  /** For slices that the journal no longer has: their rules, and their clock in ms (absent: the event's time). */
  readonly assumed: { readonly policy: string; readonly nowMs?: number }
  /**
   * Whether a change of rules concerns a profile at once, as where a worker replays after a crash, or only when something next
   * happens to the customer, as where a worker starts in peace. It matters where rules went away and came back in between.
   */
  readonly changesAtOnce: boolean
}

/**
 * Folds one customer's stored events again, from the first on, slice by slice as the journal has them, under the rules and
 * settings of each, and fires the timers that fired then. Nothing leaves this function but what it tells.
 * @returns why it had to stop: rules or settings that are not there any more
 * @throws StoreError; ProcessingError where the code throws on an event on which it did not then
 */
export async function derive(story: Story, deciders: Deciders, options: DeriveOptions): Promise<Unlike | undefined> {
  const { customer, partition, erasedBefore, events, steps } = story
  const enrichments = new Map<Event, Enrichment>(events.map(({ event, enrichment }) => [event, enrichment]))
  const made = new Map<Engine, Decider>()
  const enrichmentOf = (event: Event) => enrichments.get(event)!
  const { onDecision = () => undefined, onDecided, assumed, changesAtOnce } = options
  let one: OneProfile | undefined
  for (const { entry, start, events: own } of steps) {
    const engine = await deciders.engine(entry?.policy ?? assumed.policy, entry?.settings ?? '')
    if (engine instanceof Unlike) return engine
    const decider = made.get(engine) ?? deciderOf(engine, { enrichmentOf, onDecision })
    made.set(engine, decider)
    const isTouched = own.length > 0 || (entry !== undefined && touches(entry, customer))
    if (!isTouched && !changesAtOnce) continue
    one ??= new OneProfile(customer, partition, decider.rules, erasedBefore)
    one.useRules(decider.rules)
    if (!isTouched) continue
    const output = emptyOutput()
    const leftOut = leftOutBy(entry)
    for (const stored of own) {
      one.origin = stored.position - stored.offset
      const nowMs = entry?.now ?? assumed.nowMs ?? stored.event.timeMs
      const decoded = stored.statement ?? stored.event
      decider.pipeline.fold(new StoredBatch(stored), 0, [decoded], one, nowMs, output, leftOut)
    }
    if (entry !== undefined) {
      if (entry.refolded.includes(customer)) refold(one, decider, events, start)
      if (entry.fired.includes(customer)) {
        one.origin = start - entry.first_offset
        const end = { topic: entry.topic, partition: entry.partition, offset: entry.next_offset }
        const clock = { nowMs: entry.now, clockMs: entry.clock }
        decider.pipeline.fire(end, [customer], one, clock, output, leftOut)
      }
    }
    for (const decided of output.decisions) onDecided(decided)
  }
  return undefined
}

const touches = ({ fired, refolded }: JournalEntry, customer: string) =>
  fired.includes(customer) || refolded.includes(customer)

const leftOutBy = (entry: JournalEntry | undefined): Quarantined => ({
  offsets: new Set(entry?.quarantined),
  timers: new Set(entry?.quarantined_timers),
})

/** Computes the features that are not ready from the events before a position, as the slice did. */
function refold(one: OneProfile, { engine }: Decider, events: readonly StoredEvent[], before: number): void {
  const { profile } = one
  const { notReady } = profile
  if (!one.take(profile, before) || notReady === undefined) return
  const own = new Refold(planRefold(engine.features, notReady))
  for (const past of events) {
    if (past.position >= before) break
    if (past.duplicate || past.statement !== undefined) continue
    try {
      own.add(past)
    } catch {
      // As in the service: an event on which an expression throws is left out.
    }
  }
  own.replaceIn(profile.groups, profile.streamTimeMs)
  profile.notReady = undefined
}
