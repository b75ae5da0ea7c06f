import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CustomerRow, formatCases, formatProfile } from './profile.ts'

const row: CustomerRow = {
  partition: 3,
  customer: 'c-1',
  version: '12',
  stream_time: '2026-01-02 03:04:05.678',
  session_index: 2,
  session_start: '2026-01-02 03:00:00.000',
  session_last: '2026-01-02 03:04:05.678',
  session_events: 5,
  session_entry_page: '/shoes',
  numbers: { views_5m: 3, carts_1h: 1 },
  strings: { first_page: '/' },
  lists: { top_items: ['a', 'b, c'] },
  maps: { by_category: { shoes: 2, 'a: b': 1.5 } },
  not_ready: ['spend_24h'],
  traits: { plan: 'gold' },
  updated_at: '2026-01-02 03:04:06.000',
}

describe('a profile for people', () => {
  it('is aligned, features by name whatever their kind', () => {
    assert.equal(
      formatProfile(row, ['views_5m', 'last_item', 'spend_24h']),
      [
        'customer  c-1',
        'as of     2026-01-02 03:04:05.678 UTC, its stream time: features are as of then, not as of now',
        'lies in   partition 3',
        'written   2026-01-02 03:04:06.000 UTC',
        'session   number 2, from 2026-01-02 03:00:00.000 to 2026-01-02 03:04:05.678, 5 events, entered at /shoes',
        '',
        'feature      value',
        'by_category  "shoes": 2, "a: b": 1.5',
        'carts_1h     1',
        'first_page   "/"',
        'last_item    no value',
        'spend_24h    not ready',
        'top_items    "a", "b, c"',
        'views_5m     3',
        '',
        'trait  value',
        'plan   gold',
      ].join('\n'),
    )
  })

  it('leaves out what there is none of', () => {
    const none = { numbers: {}, strings: {}, lists: {}, maps: {}, not_ready: [], traits: {} }
    const text = formatProfile({ ...row, session_index: 0, ...none }, [])
    assert.match(text, /session {3}none$/)
  })

  it('shows the cases that are open, and how far each is', () => {
    const one = {
      action_id: 'a1',
      action: 'offer',
      treatment: '',
      channel: 'mail',
      time: '2026-01-02 03:04:05.678',
      ends: '2026-01-03 03:04:05.678',
      delivered: null,
      impression: null,
      click: null,
    }
    assert.deepEqual(formatCases([]), [])
    const seen = { ...one, action: 'call', treatment: 'evening', delivered: one.time, impression: one.time }
    assert.equal(
      formatCases([one, seen]).join(),
      [
        'open case       since (UTC)              until (UTC)              so far',
        'offer           2026-01-02 03:04:05.678  2026-01-03 03:04:05.678  nothing yet',
        'call (evening)  2026-01-02 03:04:05.678  2026-01-03 03:04:05.678  seen',
      ].join('\n'),
    )
  })

  it('shows what a producer sent without obeying it', () => {
    const text = formatProfile({ ...row, traits: { plan: '\u001b[2Jgold\u202e\nok' } }, [])
    assert.match(text, /plan {3}\\u\{1b\}\[2Jgold\\u\{202e\}\\u\{a\}ok$/)
  })
})
