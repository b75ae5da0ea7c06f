import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileEnricher } from '../src/enrich/enrich.ts'
import { Event } from '../src/events/event.ts'
import { compileDecoder } from '../src/ingest/decode.ts'
import { Rejected } from '../src/ingest/rejected.ts'
import { writeEventRow } from '../src/store/event-row.ts'
import { RowBuffer } from '../src/store/row-binary.ts'

/**
 * Texts that a pattern or a search whose cost is the square of their length, or worse, would hang on: at the longer length
 * this would take minutes. Each event comes through.
 */

const decoder = compileDecoder({ format: 'json', maxBytes: 4 * 1024 * 1024 })
const enrich = compileEnricher({
  userAgent: true,
  bot: true,
  campaign: true,
  referrer: { internalDomains: ['shop.example'] },
  geo: { reader: () => null },
})

const inPage = (page: object) => ({ context: { page } })

const fields: readonly (readonly [name: string, around: (text: string) => object])[] = [
  ['an address', (text) => ({ context: { ip: text } })],
  ['a user agent', (text) => ({ context: { userAgent: text } })],
  ['a URL', (text) => inPage({ url: text })],
  ['a query', (text) => inPage({ url: `https://shop.example/?utm_source=x&${text}` })],
  ['a source', (text) => inPage({ url: `https://shop.example/?utm_source=${text}` })],
  ['a medium', (text) => inPage({ url: `https://shop.example/?utm_medium=${text}` })],
  ['a campaign', (text) => inPage({ url: `https://shop.example/?utm_medium=cpc&utm_campaign=${text}` })],
  ['a referrer', (text) => inPage({ referrer: text })],
  ['a host', (text) => inPage({ referrer: `https://${text}/`, url: `https://${text}/x` })],
  ['a search', (text) => inPage({ referrer: `https://www.google.com/?q=${text}` })],
  ['a search with more', (text) => inPage({ referrer: `https://www.google.com/?${text}` })],
  ['a title', (text) => inPage({ title: text })],
  ['a property', (text) => ({ properties: { utm_source: text, utm_medium: text, text } })],
]
const units = [
  ...[':', '%', '.', ',', '[', ']', '0', ' ', '"', '/', '?', '#', '&', '=', '\u001b[', '\u202e', '\n', '@', 'é'],
  ...['cp', 'a.', '10.0.0.1,', '::', '%ff', '&a=%ff', '&%=%', '&amp;', '&utm_source=%', 'mail.', 'shop', 'mac1', '; a'],
]
const ends = ['', '%0Ax', '!', '\nx']

for (const length of [10_000, 40_000]) {
  for (const [name, around] of fields) {
    test(`${name} of ${length} characters is an event like others, whatever repeats in it`, () => {
      assert.ok(!(decoder instanceof Rejected))
      const row = new RowBuffer()
      for (const unit of units) {
        for (const end of ends) {
          const text = unit.repeat(length / unit.length) + end
          const sent = { userId: 'c', type: 'track', event: 'view', timestamp: '2026-06-01T10:00:00Z', ...around(text) }
          const event = decoder.decode(Buffer.from(JSON.stringify(sent)), 0)
          assert.ok(event instanceof Event, JSON.stringify([unit, end, event]))
          const enrichment = enrich(event)
          assert.equal(enrichment.geo.country, '')
          const folded = { offset: 0, position: 0, event, enrichment, sessionIndex: 1, sessionStartMs: event.timeMs }
          writeEventRow(row, 'events', 0, { ...folded, late: false, duplicate: false })
          row.take()
        }
      }
    })
  }
}
