import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import type { PublishedAction } from '../../emit/action.ts'
import { compileEngine } from '../../engine.ts'
import { accessLogMapping, readAccessLog } from '../sources/access-log.ts'
import { readNdjson } from '../sources/ndjson.ts'
import { type Row, SourceError } from '../sources/row.ts'
import { builtInConfig } from './built-in-config.ts'
import { Replay } from './replay.ts'
import { formatSummary } from './summary.ts'

const engine = compileEngine(loadConfig(builtInConfig('access-log'), {}))
const nowMs = Date.UTC(2026, 0, 2)

interface Request {
  readonly at: string
  readonly ip?: string
  readonly path?: string
  readonly status?: number
  readonly agent?: string
}

const line = ({ at, ip = '192.0.2.1', path = '/', status = 200, agent = 'Mozilla/5.0 Firefox/143.0' }: Request) =>
  `${ip} - - [17/May/2015:${at} +0000] "GET ${path} HTTP/1.1" ${status} 5 "-" "${agent}"`

const pages = (count: number, request: Partial<Request> = {}) =>
  Array.from({ length: count }, (_, i) => line({ at: `10:0${i}:00`, ...request }))

async function* bytes(text: string, chunkBytes: number): AsyncGenerator<Buffer> {
  const all = Buffer.from(text)
  for (let at = 0; at < all.length; at += chunkBytes) yield all.subarray(at, at + chunkBytes)
}

async function replayed(...files: readonly (readonly string[])[]) {
  const run = new Replay(engine, 'web.requests', nowMs)
  const actions: PublishedAction[] = []
  for (const [i, lines] of files.entries()) {
    const rows = readAccessLog(bytes(lines.join('\n'), 7))
    for await (const some of run.actions({ name: `${i}.log`, rows, mapping: accessLogMapping })) actions.push(...some)
  }
  return { actions, summary: run.summary(), run }
}

describe('a replay', () => {
  it('decides as the policy says, at the line that makes it true', async () => {
    const { actions, summary } = await replayed([
      ...pages(6),
      line({ at: '10:07:00', path: '/gone', status: 404 }),
      line({ at: '10:08:00', path: '/gone-too', status: 404 }),
    ])
    assert.deepEqual(
      actions.map(({ action, offset, time, payload }) => ({ action, offset, time, payload })),
      [
        {
          action: 'offer_subscription',
          offset: 5,
          time: Date.UTC(2015, 4, 17, 10, 4),
          payload: { pages: 5, came_from: 'direct' },
        },
        {
          action: 'help_find_page',
          offset: 8,
          time: Date.UTC(2015, 4, 17, 10, 8),
          payload: { missing: '/gone-too' },
        },
      ],
    )
    assert.deepEqual(summary.actions, { help_find_page: 1, offer_subscription: 1 })
    assert.deepEqual(summary.decisions, { chosen: 2, nothing: 0, holdout: 0, shadow: 0, suppressed: 1, none: 5 })
  })

  it('counts bots and leaves them alone', async () => {
    const { actions, summary } = await replayed([
      ...pages(5, { agent: 'Googlebot/2.1' }),
      ...pages(2),
      ...pages(2, { ip: '192.0.2.2' }),
    ])
    assert.deepEqual(actions, [])
    const { customers, bots, bot_events, events } = summary
    assert.deepEqual({ customers, bots, bot_events, events }, { customers: 3, bots: 1, bot_events: 5, events: 9 })
  })

  it('says where the bad lines are, and counts those around them in full', async () => {
    const good = pages(5)
    const { actions, summary } = await replayed(
      ['hello'],
      [good[0]!, 'hello', '', ...good.slice(1, 3), line({ at: '10:02:30' }).replace('2015', '1999'), ...good.slice(3)],
    )
    const detail = 'no address and time at the start of the line'
    assert.deepEqual(summary.bad_lines, {
      unreadable: {
        count: 2,
        first: [
          { file: '0.log', line: 1, detail },
          { file: '1.log', line: 2, detail },
        ],
      },
      bad_time: {
        count: 1,
        first: [
          {
            file: '1.log',
            line: 6,
            detail: 'there is no event time that can be read and lies between 2000 and 2100: time, from time',
          },
        ],
      },
    })
    assert.equal(summary.lines, 8)
    assert.equal(summary.events, 5)
    assert.equal(actions.length, 1)
    assert.match(formatSummary(summary), /bad lines 1 bad_time\n {4}1\.log:6: there is no event time/)
  })

  it('names the first few bad lines only, however many there are', async () => {
    const { summary } = await replayed(Array.from({ length: 3000 }, () => 'hello'))
    assert.equal(summary.bad_lines['unreadable']?.count, 3000)
    assert.equal(summary.bad_lines['unreadable']?.first.length, 5)
    assert.match(formatSummary(summary), /0\.log:5: .*\n {4}…\n/)
  })

  it('takes several files as one: sessions go on, and ids differ', async () => {
    const [a, b, c, d, e] = pages(5)
    const together = await replayed([a!, b!, c!], [d!, e!])
    assert.equal(together.summary.sessions, 1)
    assert.deepEqual(together.actions, (await replayed([a!, b!, c!, d!, e!])).actions)
    assert.equal((await replayed([a!], [a!])).summary.duplicates, 0)
  })

  it('leaves out what has not happened yet, so that a wrong clock does not move its own', async () => {
    const lines = pages(4)
    const future = line({ at: '10:01:30' }).replace('2015', '2099')
    const { actions, summary } = await replayed([
      ...lines.slice(0, 2),
      future,
      ...lines.slice(2),
      line({ at: '10:05:00' }),
    ])
    assert.deepEqual(
      actions,
      (await replayed([...lines.slice(0, 2), 'x', ...lines.slice(2), line({ at: '10:05:00' })])).actions,
    )
    const { count, first } = summary.bad_lines['future']!
    assert.deepEqual([count, first[0]!.line, summary.sessions], [1, 3, 1])
  })

  it('holds no event that is ahead of the others for one of the future, and starts a session after 30 min', async () => {
    const late = line({ at: '23:00:00' })
    const { summary } = await replayed([...pages(2), late, late.replace('2015', '2025')])
    assert.deepEqual([summary.events, summary.sessions, summary.bad_lines], [4, 3, {}])
  })

  it('counts the rows before a file breaks off', async () => {
    async function* broken(): AsyncGenerator<readonly Row[]> {
      yield* readAccessLog(bytes(pages(5).join('\n'), 1000))
      throw new SourceError('broken', 'cut off')
    }
    const run = new Replay(engine, 'web.requests', nowMs)
    const actions: PublishedAction[] = []
    await assert.rejects(async () => {
      for await (const some of run.actions({ name: 'x.log', rows: broken(), mapping: accessLogMapping })) {
        actions.push(...some)
      }
    }, /cut off/)
    assert.equal(run.summary().events, 5)
    assert.equal(actions.length, 1)
  })

  it('drops a repeated message id of our own events, and corrects the clock of their clients', async () => {
    const event = (messageId: string, time: string) =>
      JSON.stringify({ messageId, userId: 'u', type: 'page', timestamp: time })
    const run = new Replay(engine, 'web.requests', nowMs)
    const first = event('m1', '2026-01-01T10:00:00Z')
    const text = [first, first, event('m2', '2026-01-01T10:00:01Z')].join('\n')
    for await (const actions of run.actions({ name: 'x', rows: readNdjson(bytes(text, 9)), mapping: undefined })) {
      assert.deepEqual(actions, [])
    }
    const { events, duplicates, customers } = run.summary()
    assert.deepEqual({ events, duplicates, customers }, { events: 3, duplicates: 1, customers: 1 })
  })
})
