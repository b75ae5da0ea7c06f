import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { sharedData, noSharedData as skip } from '../../test/shared-data.ts'
import { explainError } from './exit.ts'
import { replayCommand } from './replay.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const accessLog = sharedData('access-log/access.log.gz')
const clickstream = sharedData('shop-clickstream/ecom.csv.gz')
const ecomMapping = join(root, 'examples/ecom/mapping.yaml')
const shopConfig = join(root, 'examples/shop/beckon.yaml')

const folder = mkdtempSync(join(tmpdir(), 'beckon-replay-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

/** What the command wrote, and how it ended. */
async function replay(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  const [stdout, stderr] = [new Collector(), new Collector()]
  const result = (code: number, message = '') => ({ out: stdout.text, err: stderr.text + message, code })
  try {
    await replayCommand({ stdout, stderr }).exitOverride().parseAsync(args, { from: 'user' })
    return result(0)
  } catch (error) {
    const { message, code } = explainError(error)
    return result(code, message)
  }
}

class Collector extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

const lastLine = (out: string) => JSON.parse(out.trimEnd().split('\n').at(-1)!)

const viewed = (second: number, userId = 'u1') =>
  JSON.stringify({
    userId,
    type: 'track',
    event: 'Product Viewed',
    timestamp: `2026-01-01T10:00:${String(second).padStart(2, '0')}Z`,
    properties: { product_id: 'shoes-1', category: 'shoes', name: 'Alder Pro' },
  })
const visit = [1, 2, 3].map((second) => viewed(second)).join('\n')

describe('beckon replay', () => {
  it('counts an action by its name, whatever that means to JavaScript', async () => {
    const config = file(
      'names.yaml',
      `kafka: { brokers: ['none:1'] }
clickhouse: { url: 'http://none' }
topics: [{ name: events, format: json }]
features: []
actions: [{ name: constructor, when: 'true' }]
`,
    )
    const { out, err, code } = await replay('--config', config, file('names.ndjson', visit))
    assert.equal(code, 0, err)
    assert.match(err + out, /actions +constructor 3\n/)
  })

  it('handles all lines of an access log, finds the bots, and gives the same bytes on every run', {
    skip,
  }, async () => {
    const [first, second] = [await replay(accessLog, '--json'), await replay(accessLog, '--json')]
    assert.equal(first.out, second.out)
    const { lines, events, bad_lines, bots, bot_events, actions } = lastLine(first.out)
    assert.deepEqual([lines, events, bad_lines], [10_000, 10_000, {}])
    assert.ok(bots > 300 && bot_events > 2_000, `${bots} bots, ${bot_events} events`)
    assert.ok(actions.offer_subscription > 5 && actions.help_find_page > 5, JSON.stringify(actions))
    const published = first.out
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
    assert.equal(published.length, actions.offer_subscription + actions.help_find_page)
    assert.equal(new Set(published.map(({ id }) => id)).size, published.length)
  })

  it('finds the 3,605 sessions of the click stream, whose repeated lines have no id and count', { skip }, async () => {
    const { out, code } = await replay(clickstream, '--mapping', ecomMapping, '--json')
    const { lines, events, sessions, customers, duplicates } = lastLine(out)
    assert.equal(code, 0)
    assert.deepEqual(
      { lines, events, sessions, customers, duplicates },
      { lines: 31_106, events: 31_106, sessions: 3_605, customers: 600, duplicates: 0 },
    )
  })

  it('writes actions to stdout and a summary to stderr', async () => {
    const { out, err, code } = await replay(file('visit.ndjson', visit), '-c', shopConfig)
    assert.equal(code, 0)
    const action = JSON.parse(out)
    assert.deepEqual(
      [action.action, action.customer, action.topic, action.offset, action.payload],
      ['size_guide', 'u1', 'shop.events', 3, { product: 'Alder Pro' }],
    )
    assert.match(err, /^lines {5}3\nevents {4}3 \(0 duplicates, 0 late\)\n/)
    assert.match(err, /^actions {3}size_guide 1\ntime {6}/m)
  })

  it('writes actions to a file, and then only the summary to stdout', async () => {
    const out = join(folder, 'actions.ndjson')
    const result = await replay(file('visit.ndjson.gz', gzipSync(visit)), '-c', shopConfig, '--out', out, '--json')
    assert.equal(JSON.parse(result.out).summary, true)
    assert.equal(result.err, '')
    assert.equal(JSON.parse(readFileSync(out, 'utf8')).action, 'size_guide')
  })

  it('reads CSV by a mapping of its own, with the columns of numbers', async () => {
    const csv = file('orders.csv', 'who,what,at,amount\nu1,Order Completed,2026-01-01 10:00:00,600.5\n')
    const mapping = file('orders.yaml', 'customer: who\ntype: what\ntime: at\n')
    const config = file(
      'orders.beckon.yaml',
      readFileSync(shopConfig, 'utf8').replaceAll('properties.revenue', 'properties.amount'),
    )
    const { out } = await replay(csv, '-c', config, '--mapping', mapping, '--numbers', 'amount')
    assert.deepEqual([JSON.parse(out).action, JSON.parse(out).payload.spent], ['vip_thank_you', 600.5])
    assert.equal((await replay(csv, '-c', config, '--mapping', mapping)).out, '')
  })

  it('takes the mapping of a topic, which has to be named where there are several', async () => {
    const config = file(
      'topics.yaml',
      `kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics:
  - { name: a, format: json }
  - { name: b, format: json, mapping: { customer: who, type: what, time: at } }
features: [{ name: n, count: {}, window: lifetime }]
actions: [{ name: greet, when: n == 1 }]
`,
    )
    const csv = file('b.csv', 'who,what,at\nu1,visit,2026-01-01\n')
    const { out } = await replay(csv, '-c', config, '--topic', 'b')
    assert.deepEqual([JSON.parse(out).action, JSON.parse(out).topic], ['greet', 'b'])
    assert.match((await replay(csv, '-c', config)).err, /say which with --topic: there are a, b/)
    assert.match((await replay(csv, '-c', config, '--topic', 'c')).err, /no topic c: there are a, b/)
  })

  it('reads bad lines as such, and says where they are', async () => {
    const { err, code } = await replay(file('bad.ndjson', `{\n${visit}\n{"type":"page"}`), '-c', shopConfig)
    assert.equal(code, 0)
    assert.match(err, /bad lines 1 json\n {4}\S*bad\.ndjson:1: /)
    assert.match(err, /bad lines 1 no_user\n {4}\S*bad\.ndjson:5: /)
  })

  const cut = gzipSync(Array.from({ length: 2000 }, (_, i) => viewed(i % 60, `u${i}`)).join('\n')).subarray(0, -200)
  const failures: [what: string, args: () => string[], code: number, message: RegExp][] = [
    ['a file that is not there', () => [join(folder, 'none.log')], 2, /none\.log: no such file/],
    ['an unknown format', () => [file('x.bin', 'hello')], 2, /neither its name nor its first line tells the format/],
    ['a CSV file without a mapping', () => [file('x.csv', 'a,b\n1,2\n')], 2, /needs --mapping/],
    [
      'a mapping with a fault',
      () => [file('y.csv', 'a\n1\n'), '--mapping', file('m.yaml', 'user: a')],
      2,
      /m\.yaml:1:\d+: user: unknown key/,
    ],
    ['a configuration with a fault', () => [file('z.log', ''), '-c', file('c.yaml', 'kafka: 1')], 2, /c\.yaml:1/],
    ['no line that is an event', () => [file('e.ndjson', '{}\n{}\n')], 1, /no line could be read as an event/],
    [
      'a file that breaks off',
      () => [file('cut.ndjson.gz', cut)],
      1,
      /^lines +1,\d{3}\n[\s\S]*cut\.ndjson\.gz: unexpected end/,
    ],
  ]
  for (const [what, args, code, message] of failures) {
    it(`ends with ${code} for ${what}`, async () => {
      const result = await replay(...args())
      assert.equal(result.code, code, result.err)
      assert.match(result.err, message)
    })
  }
})
