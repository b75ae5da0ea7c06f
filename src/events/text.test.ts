import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedId } from '../ingest/checked-id.ts'
import { Rejected } from '../ingest/rejected.ts'
import { cleanText } from './text.ts'

test('free text loses what can deceive a reader or a terminal, and nothing else', () => {
  const cases: readonly (readonly [sent: string, kept: string])[] = [
    ['Grüße, 你好 👋\tline\nline', 'Grüße, 你好 👋\tline\nline'],
    ['a\u0000b\r\u007f\u0085c', 'abc'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['exe\u202Egpj.\u2066x\u2069', 'exegpj.x'],
    ['half \ud83d of a pair \udc4b', 'half \ufffd of a pair \ufffd'],
  ]
  for (const [sent, kept] of cases) assert.equal(cleanText(sent), kept)
})

test('an id is either taken as sent or refused', () => {
  for (const id of ['u1', 'müller@example.org', '客户-7', ' spaced out ']) assert.equal(checkedId(id), id)
  for (const id of ['a\u0000', 'a\nb', '\u001b[31m', 'a\u202eb', '\ud83d', 'a\ufffd']) {
    assert.throws(
      () => checkedId(id),
      (fault) => fault instanceof Rejected && fault.reason === 'utf8',
    )
  }
})
