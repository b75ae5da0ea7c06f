import { Event } from '../events/event.ts'
import type { Moment } from '../features/moment.ts'
import { Profile } from '../profiles/profile.ts'
import { compilePolicy } from './compile-policy.ts'
import type { ActionDeclaration, Arbitration, Policy } from './policy.ts'

/**
 * Arbitrations for the tests of chance, each with its own model: what must be shown of which order, written straight from the
 * rules and shared with nothing of the engine.
 */

export interface Form {
  readonly name: string
  readonly factor: number
  readonly fits: boolean
  readonly slots: readonly string[] | undefined
}

/** An action in words of the model. */
export interface Declared {
  readonly name: string
  readonly value: number
  readonly expiresMs: number
  readonly mandatory: boolean
  readonly shadow: boolean
  /** What becomes of it before the arbitration. */
  readonly state: 'open' | 'ineligible' | 'error' | 'gate' | 'cooling'
  readonly forms: readonly Form[]
}

export interface Setting {
  readonly actions: readonly Declared[]
  readonly epsilon: number
  readonly nothing: number | undefined
  readonly emit: 'best' | 'all' | { readonly top: number } | undefined
  readonly slots: Readonly<Record<string, number>> | undefined
  /** How many contacts the cap over all actions leaves; undefined: there is no cap. */
  readonly left: number | undefined
}

/** Numbers that look like chance, the same ones in each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const slotNames = ['hero', 'row', 'footer']

/** Of all kinds: with ties, places, mandatory and shadow actions, nothing, each gate, and caps that the chosen ones use up. */
export function settingOf(seed: number): Setting {
  const next = seeded(seed)
  const below = (n: number) => Math.floor(next() * n)
  const oneOf = <T>(...of: readonly T[]): T => of[below(of.length)]!
  const withSlots = next() < 0.5
  const slots = withSlots
    ? Object.fromEntries(slotNames.slice(0, 1 + below(3)).map((slot) => [slot, 1 + below(2)]))
    : undefined
  const fitting = () => {
    if (slots === undefined || next() < 0.4) return undefined
    const some = Object.keys(slots).filter(() => next() < 0.5)
    return some.length > 0 ? some : undefined
  }
  const actions = Array.from(
    { length: 3 + below(8) },
    (_, i): Declared => ({
      name: `a${i}`,
      value: 1 + below(3),
      expiresMs: oneOf(0, 1_000, 2_000),
      mandatory: next() < 0.12,
      shadow: next() < 0.1,
      state: next() < 0.7 ? 'open' : oneOf('ineligible', 'error', 'gate', 'cooling'),
      forms: Array.from({ length: next() < 0.6 ? 1 : 2 + below(2) }, (_, j) => ({
        name: `f${j}`,
        factor: oneOf(1, 1, 0.5, 2),
        fits: next() < 0.85,
        slots: fitting(),
      })),
    }),
  )
  return {
    actions,
    epsilon: oneOf(0.05, 0.2, 0.5, 1),
    nothing: oneOf(undefined, 0, 1, 2),
    emit: withSlots ? undefined : oneOf<NonNullable<Setting['emit']>>('best', 'all', { top: 2 }),
    slots,
    left: oneOf(undefined, 1, 2),
  }
}

const capMs = 3_600_000
const nowMs = 1_700_000_000_000

/** The setting as beckon's rules, and a customer for whom they decide. */
export function compiledOf({ actions, epsilon, nothing, emit, slots, left }: Setting): {
  readonly policy: Policy
  readonly customer: Profile
  readonly moment: Moment
} {
  const caps = left === undefined ? [] : [{ max: left + 1, perMs: capMs }]
  const arbitration: Arbitration = {
    emit: emit ?? 'best',
    contact: { cooldownMs: 0, caps },
    explore: { epsilon },
    ...(slots && { slots }),
    ...(nothing !== undefined && { nothing }),
  }
  const declared = actions.map(
    ({ name, value, expiresMs, mandatory, shadow, state, forms }): ActionDeclaration => ({
      name,
      when: state === 'ineligible' ? 'false' : state === 'error' ? 'properties.none > 1' : 'true',
      value,
      contact: { cooldownMs: capMs, caps: [] },
      channel: '',
      expiresMs,
      payload: {},
      mandatory,
      mode: shadow ? 'shadow' : 'live',
      tags: state === 'gate' ? ['held'] : [],
      treatments: forms.map(({ name, factor, fits, slots }) => ({ name, factor, when: String(fits), slots })),
    }),
  )
  const fail = (_of: unknown, path: unknown, fault: unknown) => {
    throw new Error(`${path}: ${fault}`)
  }
  const held = declared.some(({ tags }) => tags!.includes('held'))
  const of = { actions: [], groups: [], tags: ['held'] }
  const gates = held ? [{ name: 'held', kind: 'suitable' as const, of, allow: 'false' }] : []
  const policy = compilePolicy(declared, arbitration, [], 'v', fail, gates, fail)
  const customer = new Profile('c')
  const times = new Map<string, readonly number[]>([['*', [nowMs - 1_000]]])
  for (const { name, state } of actions) if (state === 'cooling') times.set(name, [nowMs - 1_000])
  customer.contacts = times
  const { session, traits, groups, notReady } = customer
  const enrichment = undefined as never
  const moment: Moment = { event: new Event(), enrichment, session, traits, groups, notReady, asOfMs: nowMs }
  return { policy, customer, moment }
}

/** An action in one of its forms: `action/form`. */
export type Shown = string

/** What is shown, with its probability: each possible draw enumerated. No action at all is the empty set. */
export function enumerate(setting: Setting): { readonly probability: number; readonly shown: ReadonlySet<Shown> }[] {
  const { epsilon, nothing, left } = setting
  const arms = setting.actions.flatMap((action) =>
    action.state !== 'open' || action.shadow || (left === 0 && !action.mandatory)
      ? []
      : action.forms.flatMap((form) => (form.fits ? [{ action, form, score: action.value * form.factor }] : [])),
  )
  arms.sort((a, b) => {
    if (a.score !== b.score) return a.score > b.score ? -1 : 1
    const ends = (ms: number) => (ms === 0 ? 9e15 : ms)
    const [x, y] = [ends(a.action.expiresMs), ends(b.action.expiresMs)]
    if (x !== y) return x < y ? -1 : 1
    return `${a.action.name}/${a.form.name}` < `${b.action.name}/${b.form.name}` ? -1 : 1
  })
  const must = arms.filter(({ action }) => action.mandatory)
  const may = arms.filter(({ action, score }) => !action.mandatory && (nothing === undefined || score >= nothing))
  const show = (order: typeof arms): Set<Shown> => {
    const { emit, slots } = setting
    const top = emit === 'best' ? 1 : emit === 'all' ? 1_000 : (emit?.top ?? 0)
    const free = new Map(Object.entries(slots ?? { '': top }))
    const shown = new Map<string, Shown>()
    for (const { action, form } of order) {
      if (shown.has(action.name)) continue
      const slot = [...free.keys()].find((name) => free.get(name)! > 0 && (form.slots?.includes(name) ?? true))
      if (slot === undefined) continue
      if (left !== undefined && !action.mandatory && shown.size >= left) continue
      free.set(slot, free.get(slot)! - 1)
      shown.set(action.name, `${action.name}/${form.name}`)
    }
    return new Set(shown.values())
  }
  const explored = may.map((first) => show([...must, first, ...may.filter((other) => other !== first)]))
  if (nothing !== undefined) explored.push(show(must))
  const greedy = show([...must, ...may])
  if (explored.length === 0) return [{ probability: 1, shown: greedy }]
  return [
    { probability: 1 - epsilon, shown: greedy },
    ...explored.map((shown) => ({ probability: epsilon / explored.length, shown })),
  ]
}
