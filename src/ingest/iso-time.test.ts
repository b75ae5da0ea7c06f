import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIsoTime } from './iso-time.ts'

test('reads what Date writes', () => {
  fc.assert(
    fc.property(
      fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      }),
      (date) => {
        assert.equal(parseIsoTime(date.toISOString()), date.getTime())
      },
    ),
  )
})

test('reads the forms of ISO 8601 that producers send', () => {
  const noon = Date.parse('2026-03-01T12:00:00Z')
  for (const text of [
    '2026-03-01T12:00Z',
    '2026-03-01T12:00:00',
    '2026-03-01 12:00:00.000',
    '2026-03-01 12:00:00 Z',
    '2026-03-01T13:00:00+01:00',
    '2026-03-01T06:30:00.000000-0530',
    '2026-03-01T20:00:00.0001+08',
    '2026-03-01 12:00:00 UTC',
    '2026-03-01 12:00:00.000000 UTC',
    '2026-03-01 12:00:00 GMT',
    '2026-03-01 12:00 utc',
    '2026-03-01T12:00:00.000000000000Z',
    '2026-03-01T17:30:00+0530',
    '2026-03-01 17:30:00 +05:30',
  ]) {
    assert.equal(parseIsoTime(text), noon, text)
  }
  assert.equal(parseIsoTime('2026-03-01'), Date.parse('2026-03-01'))
  assert.equal(parseIsoTime('2026-03-01T12:00:00.5Z'), noon + 500)
  assert.equal(parseIsoTime('2024-02-29'), Date.parse('2024-02-29'))
  for (const text of ['2016-12-31T23:59:60Z', '2017-01-01T05:29:60+05:30', '2016-12-31 23:59:60 UTC']) {
    assert.equal(parseIsoTime(text), Date.parse('2017-01-01T00:00:00Z'), text)
  }
  assert.equal(parseIsoTime('2016-12-31T23:59:60.25Z'), Date.parse('2017-01-01T00:00:00.250Z'))
})

test('guesses at nothing else', () => {
  for (const text of [
    '',
    '1772366400000',
    '2026-02-29',
    '2026-13-01',
    '2026-03-01T24:00:00Z',
    '2026-03-01T12:60:00Z',
    '2026-03-01T12:30:60Z',
    '2026-03-01T23:59:61Z',
    '2026-03-01T23:59:60+01:00',
    '2026-03-01 12:00:00 CET',
    '03/01/2026',
    'Sun Mar 01 2026',
    '2026-03-01T12:00:00Z; DROP',
    '+12026-03-01',
  ]) {
    assert.ok(Number.isNaN(parseIsoTime(text)), text)
  }
})
