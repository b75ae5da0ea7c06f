import { Unlike } from '../../earlier.ts'
import { ProcessingError } from '../../pipeline.ts'
import type { Decided } from '../../slice-output.ts'
import { decisionsTable, writeDecisionRow } from '../../store/decision-row.ts'
import { RowBuffer } from '../../store/row-binary.ts'
import type { Deciders } from './deciders.ts'
import { type DeriveOptions, derive, type Story } from './derive.ts'
import { differences, type RowValues, readRows } from './row-values.ts'
import { type Journal, readSteps, type Steps, type Stretch } from './steps.ts'
import type { DecisionKey, StoredDecision, StoredEvent, StoryStore } from './story.ts'
import { type CandidateView, viewCandidates } from './view.ts'

/**
 * Derives a decision again: from the customer's stored events, the journal, and the rules and settings of that time. It reads
 * only: no group is joined, nothing is written. It is explained where it is what the store has of it, byte for byte, or where
 * the store has nothing of it; else it is said what is missing.
 */

export interface ExplainDeps {
  readonly store: StoryStore
  readonly journal: Journal
  /** Of the present rules and settings. */
  readonly deciders: Deciders
}

/** An action's decision, one that is known, or a customer's last one at or before a time (ms). */
export type Asked =
  | { readonly actionId: string }
  | { readonly key: DecisionKey }
  | { readonly customer: string; readonly atMs: number }

/** What the derivation lacks. */
export interface Missing {
  readonly what: 'erased' | 'events' | 'journal' | 'policy' | 'settings' | 'processing' | 'unlike'
  readonly detail: string
}

export interface Explanation {
  readonly decision: DecisionKey & { readonly policy: string; readonly chosen: readonly string[] }
  /** The event that it is about; absent for timers, or where it is not stored. */
  readonly event?: { readonly type: string; readonly timeMs: number }
  /** Whether the store has a row of it; and whether the derived one equals that, byte for byte. */
  readonly stored: boolean
  readonly equal: boolean
  readonly missing: readonly Missing[]
  /** Of the derivation, if that is to be trusted. */
  readonly candidates?: readonly CandidateView[]
  /** Else what the row says. */
  readonly row?: readonly { readonly action: string; readonly reason: string; readonly gate: string }[]
}

/** @returns undefined where nothing is stored of what is asked @throws StoreError, LogError */
export async function explain(deps: ExplainDeps, asked: Asked): Promise<Explanation | Missing | undefined> {
  const found = await find(deps.store, asked)
  if (found === undefined) return 'customer' in asked ? await whyNothing(deps.store, asked.customer) : undefined
  const { customer, partition, row } = found
  const erasedBefore =
    (await deps.store.marks(customer)).find((mark) => mark.partition === partition)?.erasedBefore ?? 0
  const { key } = found
  if (key !== undefined && key.position < erasedBefore) return erased
  const until = key === undefined ? Number.MAX_SAFE_INTEGER : key.position + 1
  const all = await deps.store.events(customer, partition, until)
  const events = all.filter(({ position }) => position >= erasedBefore)
  if (events.length === 0 && erasedBefore > 0) return erased
  const { steps, missing } = await readStory(deps, customer, partition, until, events)
  const story: Story = { customer, partition, erasedBefore, events, steps }
  const { deciders } = deps
  const assumed = { policy: row?.policy ?? deciders.present.policy.version, ...(row && { nowMs: row.nowMs }) }
  const isAsked = key === undefined ? undefined : (one: Decided) => isOf(one, key)
  const atMs = 'atMs' in asked ? asked.atMs : Number.POSITIVE_INFINITY
  const lacking = [...missing, ...missingEvents(events)]
  let answer: Explanation | Missing | undefined
  for (const changesAtOnce of [false, true]) {
    const options = { assumed, changesAtOnce }
    const attempt = await decide(story, deciders, options, isAsked ?? atOrBefore(atMs))
    if ('what' in attempt) {
      answer ??= ofRow(row, events, [...lacking, attempt]) ?? attempt
      continue
    }
    const { decided } = attempt
    const stored = isAsked === undefined ? await storedOf(deps.store, decided) : row
    const differing = stored === undefined ? [] : differences(stored.columns, rowOf(decided))
    if (differing.length > 0) {
      const detail = `what is derived differs in ${differing.join(', ')}`
      answer ??= ofRow(stored, events, [...lacking, { what: 'unlike', detail }])
      continue
    }
    const candidates = await view(story, deciders, options, decided)
    return {
      ...describe(decided, events),
      stored: stored !== undefined,
      equal: stored !== undefined,
      missing: lacking,
      candidates,
    }
  }
  return answer
}

const erased: Missing = {
  what: 'erased',
  detail: 'the customer was erased since then, and what was known before may not be used any more',
}

async function whyNothing(store: StoryStore, customer: string): Promise<Missing | undefined> {
  return (await store.marks(customer)).some(({ erasedBefore }) => erasedBefore > 0) ? erased : undefined
}

interface Found {
  readonly customer: string
  readonly partition: number
  /** undefined: the customer's last one, whichever that is. */
  readonly key?: DecisionKey
  readonly row?: StoredDecision | undefined
}

async function find(store: StoryStore, asked: Asked): Promise<Found | undefined> {
  if ('actionId' in asked) {
    const action = await store.action(asked.actionId)
    if (action === undefined) return undefined
    const rows = await store.decisionsAt(action)
    const isOwn = ({ chosen, trigger }: StoredDecision) =>
      chosen.includes(action.action) && (trigger === action.trigger || trigger.split('; ').includes(action.trigger))
    const row = rows.find(isOwn) ?? rows.find(({ chosen }) => chosen.includes(action.action))
    return { customer: action.customer, partition: action.partition, key: row ?? action, row }
  }
  if ('key' in asked) {
    const { key } = asked
    const row = (await store.decisionsAt(key)).find(({ trigger }) => trigger === key.trigger)
    return { customer: key.customer, partition: key.partition, key, row }
  }
  const { customer, atMs } = asked
  const row = await store.lastDecision(customer, Math.min(atMs, latestMs))
  const partitions = await store.partitions(customer)
  const partition = row?.partition ?? partitions.at(-1)
  return partition === undefined ? undefined : { customer, partition, row }
}

/** The last moment of 2299, the end of a DateTime64. */
const latestMs = 10_413_791_999_999

/** The journal of the partition, and of those in which the customer was before they moved here. */
async function readStory(
  { store, journal }: ExplainDeps,
  customer: string,
  partition: number,
  until: number,
  events: readonly StoredEvent[],
): Promise<{ steps: Steps['steps']; missing: Missing[] }> {
  const [first] = events
  if (first === undefined) return { steps: [], missing: [] }
  const moved = await store.movedPosition(partition)
  const earlier = [...new Set(events.filter(({ position }) => position < moved).map((event) => event.partition))]
  const stretches: Stretch[] = [
    ...earlier.map((of) => ({ partition: of, from: first.position, until: moved })),
    { partition, from: Math.max(first.position, moved), until },
  ]
  const read = await Promise.all(
    stretches.map((stretch) => {
      const isOwn = ({ partition: of, position }: StoredEvent) =>
        of === stretch.partition && position >= stretch.from && position < stretch.until
      return readSteps(journal, customer, stretch, events.filter(isOwn))
    }),
  )
  const steps = read.flatMap((one) => one.steps).sort((a, b) => a.start - b.start)
  const missing = read.flatMap((one) => one.missing)
  return {
    steps,
    missing: missing.map(({ from, to }) => ({
      what: 'journal',
      detail: `the journal does not have positions ${from} to ${to}: their clock, rules and timers are not known`,
    })),
  }
}

/** Who has a session before the first one that is stored had events that are gone. */
function missingEvents(events: readonly StoredEvent[]): Missing[] {
  const first = events.find(({ statement }) => statement === undefined)
  if (first === undefined) return [{ what: 'events', detail: 'no event of the customer is stored any more' }]
  if (first.sessionIndex <= 1) return []
  const detail = `the first stored event is of the customer's session ${first.sessionIndex}: those before are gone`
  return [{ what: 'events', detail }]
}

const isOf = ({ cause, asOfMs }: Decided, { topic, offset, position, trigger, timeMs }: DecisionKey) =>
  cause.position === position &&
  cause.offset === offset &&
  cause.topic === topic &&
  cause.timer === trigger &&
  asOfMs === timeMs

/** Of the decisions at or before a time the last one, and at the same time rather one that brought something. */
function atOrBefore(atMs: number) {
  const weigh = ({ outcome }: Decided['decision']) => (outcome === 'chosen' ? 2 : outcome === 'none' ? 0 : 1)
  let best: Decided | undefined
  return (one: Decided): boolean => {
    if (one.asOfMs > atMs) return false
    const by = best === undefined ? 1 : one.asOfMs - best.asOfMs || weigh(one.decision) - weigh(best.decision)
    if (by < 0) return false
    best = one
    return true
  }
}

/** The last decision that is asked for, or what keeps it from being derived. */
async function decide(
  story: Story,
  deciders: Deciders,
  options: Pick<DeriveOptions, 'assumed' | 'changesAtOnce'>,
  isAsked: (one: Decided) => boolean,
): Promise<{ readonly decided: Decided } | Missing> {
  let decided: Decided | undefined
  const onDecided = (one: Decided) => {
    if (isAsked(one)) decided = one
  }
  try {
    const unlike = await derive(story, deciders, { ...options, onDecided })
    if (unlike instanceof Unlike) return { what: unlike.reason, detail: unlike.detail }
  } catch (error) {
    if (!(error instanceof ProcessingError)) throw error
    return { what: 'processing', detail: 'the code throws on a stored event on which it did not when that came' }
  }
  if (decided !== undefined) return { decided }
  return {
    what: 'events',
    detail: 'what is stored leads to no such decision: its event, or what it goes back to, is not stored',
  }
}

/** Derives it once more, and explains it just before it takes effect. */
async function view(
  story: Story,
  deciders: Deciders,
  options: Pick<DeriveOptions, 'assumed' | 'changesAtOnce'>,
  { cause, asOfMs }: Decided,
): Promise<CandidateView[]> {
  let candidates: CandidateView[] = []
  await derive(story, deciders, {
    ...options,
    onDecided: () => undefined,
    onDecision: (open, engine) => {
      const { position, timer, dueMs } = open.cause
      const isSame = position === cause.position && timer === cause.timer && dueMs === cause.dueMs
      if (isSame && open.moment.asOfMs === asOfMs) candidates = viewCandidates(open, engine)
    },
  })
  return candidates
}

async function storedOf(
  store: StoryStore,
  { customer, asOfMs: timeMs, cause }: Decided,
): Promise<StoredDecision | undefined> {
  const rows = await store.decisionsAt({ customer, timeMs, position: cause.position })
  return rows.find(({ trigger }) => trigger === cause.timer)
}

function rowOf(decided: Decided): RowValues {
  const buffer = new RowBuffer(1_024)
  writeDecisionRow(buffer, decided)
  return readRows(buffer.take().bytes, decisionsTable.columns)[0]!
}

function describe(
  { customer, cause, asOfMs, policy, decision }: Decided,
  events: readonly StoredEvent[],
): Pick<Explanation, 'decision' | 'event'> {
  const { topic, partition, offset, position, timer: trigger } = cause
  const chosen = decision.chosen.map(({ action }) => action.name)
  const key = { customer, topic, partition, offset, position, timeMs: asOfMs, trigger }
  return { decision: { ...key, policy, chosen }, ...eventOf(key, events) }
}

function eventOf({ trigger, position }: DecisionKey, events: readonly StoredEvent[]): Pick<Explanation, 'event'> {
  const found = trigger === '' ? events.find((one) => one.position === position) : undefined
  return found === undefined ? {} : { event: { type: found.event.type, timeMs: found.event.timeMs } }
}

/** Where it can't be derived: what the row says, and no more. */
function ofRow(
  row: StoredDecision | undefined,
  events: readonly StoredEvent[],
  missing: readonly Missing[],
): Explanation | undefined {
  if (row === undefined) return undefined
  const { customer, topic, partition, offset, position, timeMs, trigger, policy, chosen, columns } = row
  const key = { customer, topic, partition, offset, position, timeMs, trigger }
  const of = (name: string) => columns.get(name)!.value as readonly string[]
  const [reasons, gates] = [of('reasons'), of('gates')]
  return {
    decision: { ...key, policy, chosen },
    ...eventOf(key, events),
    stored: true,
    equal: false,
    missing,
    row: of('candidates').map((action, i) => ({ action, reason: reasons[i]!, gate: gates[i] ?? '' })),
  }
}
