import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'
import { formatLine, formatView, ms, type Snapshot } from './view.ts'

const snapshot: Snapshot = {
  runningMs: 83_400,
  shopTimeMs: Date.UTC(2026, 8, 23, 10, 41),
  consumed: 84_120,
  lag: 12,
  eventsPerSecond: 2004.4,
  actions: new Map([
    ['size_guide', 30],
    ['remind_cart', 1200],
  ]),
  deadLetters: new Map([
    ['future', 2],
    ['json', 7],
  ]),
  profiles: 6120,
  eventToActionMs: { p50: 4.21, p99: 61.4 },
  decisions: [
    {
      time: '09-23 10:41:07',
      customer: 'u000123',
      candidates: ['compare_help', 'remind_cart', 'callback', 'size_guide'],
      reasons: ['cooldown', 'chosen', 'not_eligible', 'not_eligible'],
    },
    { time: '09-23 10:41:06', customer: 'u000007', candidates: ['callback'], reasons: ['chosen'] },
  ],
  hints: ['metrics http://127.0.0.1:9464/metrics'],
}

const view = (width: number, height: number, of = snapshot) => formatView(of, width, height, pc.createColors(false))

describe('the live view', () => {
  it('tells events, actions by kind, dead letters by reason, and the last decisions with their reasons', () => {
    assert.deepEqual(view(120, 40), [
      'beckon demo   01:23   in the shop it is 2026-09-23 10:41',
      '',
      'events                  84,120   2,004/s   lag 12   customers 6,120',
      'actions                  1,230   event to action: p50 4.2 ms, p99 61 ms',
      '  remind_cart            1,200   ████████████████████████',
      '  size_guide                30   █',
      'dead letters                 9   json 7, future 2',
      '',
      'last decisions',
      '  09-23 10:41:07  u000123     remind_cart chosen, compare_help cooldown, 2 not eligible',
      '  09-23 10:41:06  u000007     callback chosen',
      '',
      'metrics http://127.0.0.1:9464/metrics',
    ])
  })

  it('fits the terminal, also with colours, and leaves out decisions before anything else', () => {
    for (const [width, height] of [
      [120, 40],
      [60, 12],
      [20, 11],
      [7, 5],
      [1, 1],
    ] as const) {
      const plain = view(width, height)
      assert.ok(plain.length <= height, `${plain.length} lines in ${height}`)
      for (const line of plain) assert.ok(line.length <= width, line)
      const colored = formatView(snapshot, width, height, pc.createColors(true))
      assert.deepEqual(
        colored.map((line) => stripVTControlCharacters(line).trimEnd()),
        plain,
      )
    }
    assert.ok(!view(120, 12).some((line) => line.includes('u000007')))
    assert.ok(view(120, 12).some((line) => line.startsWith('metrics')))
  })

  it('shows a beginning without actions', () => {
    const empty = { ...snapshot, actions: new Map(), deadLetters: new Map(), decisions: [], eventToActionMs: undefined }
    assert.equal(view(120, 40, empty)[3], 'actions                      0')
  })
})

describe('the plain line', () => {
  it('tells the same in one line', () => {
    assert.equal(
      formatLine(snapshot),
      '01:23  84,120 events  2,004/s  lag 12  6,120 customers  1,230 actions (remind_cart 1,200, size_guide 30)  9 dead letters (json 7, future 2)  p50 4.2 ms, p99 61 ms',
    )
  })
})

describe('ms', () => {
  it('has a decimal below ten only', () => {
    assert.deepEqual([0, 9.94, 10, 99.6].map(ms), ['0.0 ms', '9.9 ms', '10 ms', '100 ms'])
  })
})
