import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { sharedData, noSharedData as skip } from '../../test/shared-data.ts'
import { Event } from '../events/event.ts'
import { followSession, noSession, type Session, type SessionTouch, touchSession } from './session.ts'

const minute = 60_000
const bounds = { idleMs: 30 * minute, maxMs: 24 * 60 * minute }
const t0 = Date.parse('2024-03-13T10:00:00Z')

function event(timeMs: number, url = ''): Event {
  const made = new Event()
  made.timeMs = timeMs
  made.url = url
  return made
}

function play(...events: Event[]): { session: Session; touches: SessionTouch[] } {
  const session = noSession()
  return { session, touches: events.map((e) => touchSession(session, e, bounds)) }
}

test('a session ends after more than the idle time', () => {
  const { session, touches } = play(event(t0), event(t0 + 30 * minute), event(t0 + 60 * minute + 1))
  assert.deepEqual(touches, ['started', 'continued', 'started'])
  assert.deepEqual(session, {
    index: 2,
    startMs: t0 + 60 * minute + 1,
    lastMs: t0 + 60 * minute + 1,
    events: 1,
    entryPage: '',
  })
})

test('a session without a pause ends after a day', () => {
  const everyHalfHour = Array.from({ length: 49 }, (_, i) => event(t0 + i * 30 * minute))
  const { session, touches } = play(...everyHalfHour)
  assert.deepEqual(touches.filter((touch) => touch === 'started').length, 2)
  assert.deepEqual([session.index, session.startMs, session.events], [2, t0 + bounds.maxMs, 1])
})

test('the entry page is the path of the first event that has one', () => {
  const first = play(
    event(t0, 'https://shop.example/sale?utm_source=x#top'),
    event(t0 + 1, 'https://shop.example/cart'),
  )
  assert.equal(first.session.entryPage, '/sale')
  assert.equal(play(event(t0), event(t0 + 1, '/cart')).session.entryPage, '/cart')
  const second = play(event(t0, '/sale'), event(t0 + 31 * minute, '/cart'))
  assert.equal(second.session.entryPage, '/cart')
  assert.equal(play(event(t0, '/sale'), event(t0 + 31 * minute)).session.entryPage, '')
})

test('a late event joins the session that it belongs to, and no other', () => {
  const cases: [what: string, timeMs: number, touch: SessionTouch, session: Partial<Session>][] = [
    ['within', t0 + 5 * minute, 'continued', { events: 3 }],
    [
      'just before the start',
      t0 - 30 * minute,
      'continued',
      { startMs: t0 - 30 * minute, entryPage: '/late', events: 3 },
    ],
    ['long before the start', t0 - 30 * minute - 1, 'past', {}],
  ]
  for (const [what, timeMs, touch, changes] of cases) {
    const { session, touches } = play(event(t0, '/first'), event(t0 + 10 * minute, '/second'), event(timeMs, '/late'))
    assert.equal(touches[2], touch, what)
    assert.deepEqual(
      session,
      { index: 1, startMs: t0, lastMs: t0 + 10 * minute, events: 2, entryPage: '/first', ...changes },
      what,
    )
  }
})

test('a late event does not stretch a session to a day', () => {
  const events = Array.from({ length: 48 }, (_, i) => event(t0 + i * 30 * minute))
  const { session, touches } = play(...events, event(t0 - 30 * minute))
  assert.equal(touches.at(-1), 'past')
  assert.equal(session.startMs, t0)
})

test('in any order of arrival a session stays within its bounds, and it is known where every event went', () => {
  const times = fc.array(fc.integer({ min: 0, max: 3 * bounds.maxMs }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(times, (offsets) => {
      const session = noSession()
      let expected = 0
      for (const offset of offsets) {
        const before = { ...session }
        const touch = touchSession(session, event(t0 + offset), bounds)
        if (touch === 'past') assert.deepEqual(session, before)
        else expected = touch === 'started' ? 1 : expected + 1
        assert.equal(session.events, expected)
        assert.equal(session.index, before.index + (touch === 'started' ? 1 : 0))
        assert.ok(session.lastMs >= before.lastMs)
        assert.ok(session.lastMs - session.startMs < bounds.maxMs)
      }
    }),
  )
})

test('the order of arrival within a session does not matter', () => {
  const run = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(run, fc.infiniteStream(fc.nat()), (minutes, order) => {
      const events = minutes.map((m) => event(t0 + m * minute, `/${m}`))
      const shuffled = events
        .map((e) => ({ e, rank: order.next().value as number }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ e }) => e)
      const sorted = [...events].sort((a, b) => a.timeMs - b.timeMs)
      assert.deepEqual(play(...shuffled).session, play(...sorted).session)
    }),
  )
})

const clickstream = sharedData('shop-clickstream/ecom.csv.gz')

test('the shop’s click stream has exactly its 3,605 sessions', { skip }, () => {
  const rows: { user_id: string; session_id: string; timestamp: string }[] = parse(
    gunzipSync(readFileSync(clickstream)),
    {
      columns: true,
    },
  )
  const sessions = new Map<string, Session>()
  const pairs = new Set<string>()
  for (const row of rows) {
    const session = sessions.get(row.user_id) ?? noSession()
    sessions.set(row.user_id, session)
    assert.notEqual(touchSession(session, event(Date.parse(`${row.timestamp}Z`)), bounds), 'past')
    pairs.add(`${row.session_id} ${row.user_id} ${session.index}`)
  }
  assert.equal(
    [...sessions.values()].reduce((sum, { index }) => sum + index, 0),
    3605,
  )
  assert.equal(pairs.size, 3605, 'each session of the file is one of ours')
})

test('a session can be followed by the index and start that the events were stored with', () => {
  const minutes = fc.integer({ min: 0, max: 300 })
  const url = fc.constantFrom('', 'https://a/1', 'https://a/2', 'https://a')
  fc.assert(
    fc.property(fc.array(fc.tuple(minutes, url), { maxLength: 40 }), (given) => {
      const [session, followed] = [noSession(), noSession()]
      for (const [at, address] of given) {
        const one = event(t0 + at * minute, address)
        touchSession(session, one, { idleMs: 30 * minute, maxMs: 90 * minute })
        followSession(followed, one, session.index, session.startMs)
        assert.deepEqual(followed, session)
      }
    }),
    { numRuns: 1_000 },
  )
})
