import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createTestDatabase, skip, type TestDatabase } from '../../store/clickhouse/test-database.ts'
import { compile, foldAll, read } from '../test-fold.ts'

const withinMs = 30
const types = ['a', 'b', 'c', 'ab', 'bc', 'abc', 'x']
const kind = {
  name: 'funnel',
  steps: ['type.contains("a")', 'type.contains("b")', 'type.contains("c")'],
  withinMs,
  maxEvents: 1_000,
} as const

describe('funnels', { skip }, () => {
  let database: TestDatabase
  before(async () => {
    database = await createTestDatabase()
  })
  after(() => database.drop())

  it('are what windowFunnel of ClickHouse gives, equal times and events of several steps included', async () => {
    const event = fc.record({
      timeMs: fc.integer({ min: 1, max: 80 }),
      type: fc.constantFrom(...types),
      value: fc.constant(null),
    })
    const cases = fc.sample(fc.array(event, { minLength: 1, maxLength: 10 }), { numRuns: 1_000, seed: 7 })
    const set = compile([
      { name: 'ever', kind, window: { kind: 'lifetime' }, latenessMs: 100 },
      { name: 'lately', kind, window: { kind: 'sliding', sizeMs: 40, maxEvents: 1_000 } },
    ])
    const found = cases.map((given) => {
      const { ever, lately } = read(set, foldAll(set, given))
      return [ever, lately]
    })

    const rows = cases.flatMap((given, i) => given.map(({ timeMs, type }) => `(${i}, ${timeMs}, '${type}')`))
    const steps = `ms, type LIKE '%a%', type LIKE '%b%', type LIKE '%c%'`
    const result = await database.client.query({
      query: `WITH e AS (SELECT *, max(ms) OVER (PARTITION BY n) AS now FROM values('n UInt32, ms UInt64, type String', ${rows.join()}))
        SELECT windowFunnel(${withinMs})(${steps}) AS ever, windowFunnelIf(${withinMs})(${steps}, ms + 40 > now) AS lately
        FROM e GROUP BY n ORDER BY n`,
      format: 'JSONCompactEachRow',
    })
    assert.deepEqual(await result.json(), found)
    assert.equal(new Set(found.map(([ever]) => ever)).size, 4, 'every step is the furthest of some')
  })
})
