import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Engine } from '../src/engine.ts'
import { MemoryLog } from '../src/log/memory/memory-log.ts'
import { Pipeline } from '../src/pipeline.ts'
import type { Stages } from '../src/slice-input.ts'
import { emptyOutput } from '../src/slice-output.ts'
import { compileStages } from '../src/stages.ts'
import { SliceRows } from '../src/store/slice-rows.ts'
import type { Absence } from '../src/timers/absence.ts'
import type { Crossing } from '../src/timers/crossing.ts'
import { MemoryProfiles } from '../src/tools/replay/memory-profiles.ts'
import { actionsWithGoals, contactPolicy, sampleEngine, sampleEvents, startMs, stateOf } from './golden/profile.ts'

/**
 * An event that makes the code throw, wherever it does, leaves the profile to the byte, and all that the slice sends, as if it
 * had not come.
 */

const customer = 'ada'
/** In the midst of the sample: there are windows, timers and contacts by then, and the event opens and moves some. */
const badIndex = 25
const nowMs = startMs + 86_400_000

/** Breaks one part of the engine or of the stages: `isBad` tells whether what is looked at is that event. */
type Break = (engine: Engine, stages: Stages, isBad: () => boolean) => Stages

function throwing<Arguments extends unknown[], Result>(
  real: (...given: Arguments) => Result,
  isBad: () => boolean,
): (...given: Arguments) => Result {
  return (...given) => {
    const result = real(...given)
    if (isBad()) throw new Error('a bug')
    return result
  }
}

const breaks: [where: string, wreck: Break][] = [
  ['the enrichment', (_engine, stages, isBad) => ({ ...stages, enrich: throwing(stages.enrich, isBad) })],
  [
    'the encoding of an action',
    (_engine, stages, isBad) => {
      return { ...stages, encodeAction: throwing(stages.encodeAction, isBad) }
    },
  ],
  [
    "an action's when",
    (engine, stages, isBad) => {
      for (const action of engine.policy.onEvent) Object.assign(action, { when: throwing(action.when, isBad) })
      return stages
    },
  ],
  [
    "an action's value",
    (engine, stages, isBad) => {
      for (const { factors } of engine.policy.onEvent) {
        for (const factor of factors) Object.assign(factor, { evaluate: throwing(factor.evaluate, isBad) })
      }
      return stages
    },
  ],
  [
    "an action's goal",
    (engine, stages, isBad) => {
      const goal = engine.policy.goals.get('greet')!
      Object.assign(goal, { when: throwing(goal.when, isBad) })
      return stages
    },
  ],
  [
    'a timer that an event starts',
    (engine, stages, isBad) => {
      const timer = engine.policy.timers.find(({ kind }) => kind === 'absence')!
      Object.assign(timer, { absent: throwing((timer as Absence).absent, isBad) })
      return stages
    },
  ],
  [
    'a condition that waits to become true',
    (engine, stages, isBad) => {
      const timer = engine.policy.timers.find(({ kind }) => kind === 'crossing')!
      Object.assign(timer, { when: throwing((timer as Crossing).when, isBad) })
      return stages
    },
  ],
]

async function run(
  leaveOut: boolean,
  wreck: Break | undefined,
  pieces: number,
  engine = sampleEngine(actionsWithGoals, { contact_policy: contactPolicy }),
) {
  let isBad = false
  const stages = compileStages(engine, 'json')
  const wrecked = wreck?.(engine, stages, () => isBad) ?? stages
  const enrich: Stages['enrich'] = (event) => {
    isBad = event.id === badId
    return wrecked.enrich(event)
  }
  const pipeline = new Pipeline({ ...wrecked, enrich })
  const profiles = new MemoryProfiles(engine.policy.timers)
  const log = new MemoryLog(() => startMs)
  await log.createTopics([{ topic: 'clicks', partitions: 1 }])
  await log.append(
    sampleEvents.map((event) => ({
      topic: 'clicks',
      partition: 0,
      key: customer,
      value: Buffer.from(JSON.stringify(event)),
      headers: {},
    })),
  )
  const output = emptyOutput()
  const rows: string[] = []
  const sliceRows = new SliceRows()
  for await (const batch of log.read('clicks', 0, 0, sampleEvents.length)) {
    const decoded = pipeline.decode(batch, 0, batch.count, nowMs)
    const leftOut = { offsets: new Set(leaveOut ? [badIndex] : []), timers: new Set<string>() }
    for (let from = 0; from < batch.count; from += pieces) {
      const piece = decoded.slice(from, from + pieces)
      const { events } = pipeline.fold(batch, from, piece, profiles, nowMs, output, leftOut)
      rows.push(sliceRows.ofEvents('clicks', 0, (write) => write(events)).bytes.toString('base64'))
    }
  }
  isBad = false
  const { actions, decisions, cases, tally, quarantined } = output
  const sent = actions.map(({ id }) => id)
  const { deadLetters: _letters, events: _events, ...counts } = tally
  const made = decisions.map(({ cause, decision }) => [
    cause,
    decision.candidates.map(({ action: { name }, reason, score }) => [name, reason, score]),
  ])
  return {
    engine,
    state: stateOf(engine, profiles.of(customer)),
    sent,
    made,
    rows: rows.join(),
    cases,
    counts,
    quarantined,
  }
}

const badId = `m${badIndex}`

describe('an event that makes the code throw leaves no trace', () => {
  for (const [where, wreck] of breaks) {
    for (const pieces of [1, sampleEvents.length]) {
      it(`in ${where}, ${pieces === 1 ? 'by itself' : 'among others'}`, async () => {
        const { engine: _1, quarantined, ...undone } = await run(false, wreck, pieces)
        assert.deepEqual(quarantined, { offsets: [badIndex], timers: [] })
        const { engine: _2, quarantined: none, ...without } = await run(true, undefined, pieces)
        assert.deepEqual(none, { offsets: [], timers: [] })
        assert.deepEqual(undone, without)
      })
    }
  }

  it('in each kind of feature, half way through', async () => {
    const all = sampleEvents.length
    const { engine, quarantined: _, ...without } = await run(true, undefined, all)
    const tried = new Set<string>()
    for (const { aggregate, signature } of engine.features.groups.flatMap(({ members }) => members)) {
      // Over one window each that the event is in.
      if (tried.has(signature)) continue
      const { add } = aggregate
      const wreck: Break = (_engine, stages, isBad) => {
        Object.assign(aggregate, { add: throwing(add, isBad) })
        return stages
      }
      const { engine: _same, quarantined, ...undone } = await run(false, wreck, all, engine)
      Object.assign(aggregate, { add })
      if (quarantined.offsets.length === 0) continue
      tried.add(signature)
      assert.deepEqual(undone, without, signature)
    }
    assert(tried.size > 20, `the event is of ${tried.size} kinds only`)
  })
})
