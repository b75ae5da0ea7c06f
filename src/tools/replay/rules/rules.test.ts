import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ConfigError } from '../../../config/fault.ts'
import { formatFailure } from './report.ts'
import { type RuleFile, readRuleFile } from './rule-file.ts'
import { runCase } from './run-case.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-rules-'))
after(() => rmSync(folder, { recursive: true }))

writeFileSync(
  join(folder, 'beckon.yaml'),
  `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics:
  - { name: shop.events, format: json }
  - { name: shop.orders, format: json }
features:
  - { name: views_5m, count: {}, where: type == "view", window: { size: 5m, pane: 1m } }
  - { name: spent, sum: value, where: type == "order", window: lifetime }
  - { name: last_seen, last: properties.item, window: lifetime }
actions:
  - { name: help, when: views_5m >= 2, value: 2, contact: { cooldown: 30m } }
  - { name: praise, when: spent > 10, value: 1, contact: { caps: [{ max: 1, per: 24h }] } }
  - name: call
    when: properties.urgent == true
    value: 9
    payload:
      note: text
      all: { cel: properties }
      made: { cel: '{"a": [properties.cat, {"b": 1}]}' }
      none: { cel: properties.none }
      half: { cel: 1.0 / 2.0 }
  - { name: cooled, on: becomes_true, when: views_5m == 1 && traits.vip == true, value: 5 }
  - { name: miss, on: { absent: order, after: view, for: 1h }, when: views_5m == 0, value: 1 }
  - { name: story, when: type == "tell", value: 20, contact: { cooldown: 1h }, payload: { text: { cel: properties.text + properties.text + properties.text + properties.text } } }
  - { name: word, when: type == "tell", value: 19 }
  - { name: often, on: { absent: order, after: seen, for: 5m }, when: views_5m >= 1 && spent > 10, value: 1 }
  - { name: small, on: { absent: order, after: tie, for: 1h }, when: 'true', value: 1 }
  - { name: large, on: { absent: call, after: tie, for: 1h }, when: 'true', value: 10 }
gates:
  - { name: in_stock, kind: applicable, of: { actions: [call] }, allow: '!has(properties.sold_out)' }
arbitration: { emit: best, contact: { caps: [{ max: 3, per: 24h }] } }
limits: { max_event_kb: 300 }
`,
)

function file(cases: string, head = 'config: beckon.yaml'): RuleFile {
  const name = join(folder, 'x.test.yaml')
  writeFileSync(name, `${head}\ncases:\n${cases}`)
  return readRuleFile(name)
}

/** A case of these events and this expectation; what it differs in. */
function differences(given: string[], expect: string): string[] {
  const rules = file(
    `  - name: a case\n    given:\n${given.map((event) => `      - ${event}\n`).join('')}    expect: ${expect}\n`,
  )
  return runCase(rules, rules.cases[0]!).flatMap((mismatch) =>
    mismatch.differences.map(({ of, expected, got }) => `${of}: ${JSON.stringify(expected)} ${JSON.stringify(got)}`),
  )
}

const view = '{ type: view }'

describe('a rule test', () => {
  it('passes where actions, reasons and features are as expected', () => {
    assert.deepEqual(differences([view, view], '[help]'), [])
    assert.deepEqual(
      differences(
        [view, '{ at: +1m, type: view, properties: { item: lamp } }'],
        '{ actions: [help], reasons: { help: chosen, praise: not_eligible, call: error }, features: { views_5m: 2, last_seen: lamp } }',
      ),
      [],
    )
  })

  it('tells what differs', () => {
    assert.deepEqual(differences([view], '[help]'), ['actions: ["help"] []'])
    assert.deepEqual(differences([view, view], '[]'), ['actions: [] ["help"]'])
    assert.deepEqual(
      differences([view, view], '{ reasons: { help: cap }, features: { views_5m: 3, last_seen: lamp } }'),
      ['reason of help: "cap" "chosen"', 'feature views_5m: 3 2', 'feature last_seen: "lamp" null'],
    )
  })

  it('compares payloads: every value that an expression can give, as JSON has it', () => {
    const given = [
      '{ type: x, properties: { urgent: true, cat: shoes, deep: { k: [1, { z: 2 }] } }, traits: { tags: [vip] } }',
    ]
    const cases: readonly (readonly [expected: string, wanted: readonly string[]])[] = [
      ['{ note: text, all: { urgent: true, cat: shoes, deep: { k: [1, { z: 2 }] } } }', []],
      ['{ made: { a: [shoes, { b: 1 }] }, none: null, half: 0.5 }', []],
      ['{ made: [], half: 1 }', ['payload.made of call: [] {"a":["shoes",{"b":1}]}', 'payload.half of call: 1 0.5']],
    ]
    for (const [expected, wanted] of cases) {
      assert.deepEqual(differences(given, `{ payload: { call: ${expected} } }`), wanted)
    }
    assert.deepEqual(differences([view], '{ payload: { call: { half: 0.5 } } }'), ['payload.half of call: 0.5 null'])
  })

  it('looks at the actions since the check before, so that one that comes too early is seen', () => {
    assert.deepEqual(differences([view, view, view], '[]'), ['actions: [] ["help"]'])
    assert.deepEqual(differences([view, '{ type: view, then: [help] }', view], '[]'), [])
    assert.deepEqual(differences(['{ type: view, then: [help] }', view], '[]'), [
      'actions: ["help"] []',
      'actions: [] ["help"]',
    ])
  })

  const long = `{ type: tell, properties: { text: ${'x'.repeat(230_000)} } }`
  const order = '{ type: order, properties: { revenue: 11 } }'
  const reasons = [
    ['cooldown', [view, view, '{ at: +29m, type: view }', view], 'help'],
    ['cap', [order, '{ at: +23h, type: x }'], 'praise'],
    ['contact_policy', [1, 2, 3, 4].map(() => '{ type: x, properties: { urgent: true } }'), 'call'],
    ['outranked', [view, '{ type: order, value: 11, properties: { urgent: true } }'], 'praise'],
    ['not_eligible', [view], 'help'],
    ['error', [view], 'call'],
    ['too_large', [long], 'story'],
    ['applicable', ['{ type: x, properties: { urgent: true, sold_out: true } }'], 'call'],
  ] as const
  for (const [reason, given, action] of reasons) {
    it(`knows the reason ${reason}`, () => {
      assert.deepEqual(differences([...given], `{ reasons: { ${action}: ${reason} } }`), [])
    })
  }

  it('gives the place of an action that is too large to the next best, and no cool-down to it', () => {
    assert.deepEqual(differences([long], '{ actions: [word], reasons: { story: too_large, word: chosen } }'), [])
    const short = '{ at: +1m, type: tell, properties: { text: x } }'
    assert.deepEqual(differences([long.replace('tell,', 'tell, then: [word],'), short], '[story]'), [])
  })

  it('takes what is due at one moment for one decision', () => {
    assert.deepEqual(differences(['{ type: tie }', '{ at: +1h }'], '[large]'), [])
  })

  it('reads times of day, times with a date and steps; a second passes where none is given', () => {
    const at = (...times: string[]) => {
      const events = times.map((time) => `{ ${time === '' ? '' : `at: ${time}, `}type: view }`)
      const rules = file(`  - name: x\n    given: [${events}]\n    expect: []\n`)
      return rules.cases[0]!.steps.map(({ timeMs }) => new Date(timeMs).toISOString())
    }
    assert.deepEqual(at('', '', '+1h 30m'), [
      '2026-01-01T10:00:00.000Z',
      '2026-01-01T10:00:01.000Z',
      '2026-01-01T11:30:01.000Z',
    ])
    assert.deepEqual(at('08:05', '08:05:30.5', '2026-03-01T09:00:00+01:00'), [
      '2026-01-01T08:05:00.000Z',
      '2026-01-01T08:05:30.500Z',
      '2026-03-01T08:00:00.000Z',
    ])
  })

  it('names the gate that says no, and asks the decisions of the time that passed', () => {
    const soldOut = '{ type: x, properties: { urgent: true, sold_out: true } }'
    assert.deepEqual(differences([soldOut], '{ gates: { call: in_stock, help: "" } }'), [])
    assert.deepEqual(differences([soldOut], '{ gates: { call: "" } }'), ['gate of call: "" "in_stock"'])
    const quiet = '{ quiet_hours: [{ name: night, from: 09:00, to: 11:00, timezone: UTC, then: drop }] }'
    const rules = file(
      `  - { name: x, given: [${view}, ${view}], expect: { gates: { help: night } } }\n`,
      `include: beckon.yaml\ncontact_policy: ${quiet}`,
    )
    assert.deepEqual(runCase(rules, rules.cases[0]!), [])
    const missed = [view, '{ at: +1h, then: { reasons: { miss: chosen } } }']
    assert.deepEqual(differences([...missed, '{ at: +2h }'], '[]'), [])
    assert.deepEqual(differences([...missed, '{ at: +2h }'], '{ reasons: { miss: chosen } }'), [
      'reason of miss: "chosen" "no decision: time brought about none"',
    ])
    const tied = ['{ type: tie }', '{ at: +1h }']
    assert.deepEqual(differences(tied, '{ reasons: { small: outranked, large: chosen } }'), [])
  })

  it('takes outcomes of actions, as their topic gives them', () => {
    const rules = `include: beckon.yaml
topics: [{ name: feedback, role: outcomes, format: json }]
features: [{ name: noes, count: {}, where: outcome == "rejection" && properties.action == "help", window: lifetime }]
actions: [{ name: sorry, when: outcome == "rejection", value: 50, payload: { why: { cel: properties.reason } } }]`
    const of = (given: string, expect: string) => {
      const { cases, ...rest } = file(`  - { name: x, given: [${view}, ${given}], expect: ${expect} }\n`, rules)
      return runCase({ ...rest, cases }, cases[0]!).map((mismatch) => mismatch.differences)
    }
    const no = '{ outcome: rejection, action: help, properties: { reason: too dear } }'
    const sorry = '{ actions: [sorry], features: { noes: 1 }, payload: { sorry: { why: too dear } } }'
    assert.deepEqual(of(no, sorry), [])
    assert.deepEqual(of('{ outcome: click, action: help }', '{ actions: [], reasons: { sorry: not_eligible } }'), [])
    assert.deepEqual(
      of(`${no.replace('{', '{ id: o1,')}, ${no.replace('{', '{ id: o1,')}`, '{ features: { noes: 1 } }'),
      [],
    )
    assert.match(String(of('{ outcome: click }', '[]')[0]?.[0]?.got), /dead letter no_action/)
    assert.throws(() => file(`  - { name: x, given: [${no}], expect: [] }\n`), /no topic has the role outcomes/)
  })

  it('takes what customers agree to, and what is known of them', () => {
    const rules = `include: beckon.yaml
topics: [{ name: consents, role: consent, format: json }, { name: crm, role: traits, format: json }]
actions:
  - { name: sell, when: type == "ask", value: 50, channel: email, purpose: marketing }
  - { name: greet, on: becomes_true, when: traits.tier == "gold", value: 60 }`
    const of = (given: string[], expect: string) => {
      const { cases, ...rest } = file(`  - { name: x, given: [${given.join(', ')}], expect: ${expect} }\n`, rules)
      return runCase({ ...rest, cases }, cases[0]!).map((mismatch) => mismatch.differences)
    }
    const ask = '{ type: ask }'
    const yes = '{ consent: marketing, given: true, channel: email }'
    assert.deepEqual(of([ask], '{ actions: [], reasons: { sell: consent } }'), [])
    assert.deepEqual(of([yes, ask], '[sell]'), [])
    assert.deepEqual(of([yes, '{ consent: marketing, given: false }', ask], '{ reasons: { sell: consent } }'), [])
    assert.deepEqual(of([ask, '{ traits: { tier: gold }, then: [greet] }', '{ at: +1h }'], '[]'), [])
    assert.deepEqual(of([ask, '{ traits: { tier: gold } }'], '{ reasons: { greet: chosen } }'), [])
    assert.throws(() => file(`  - { name: x, given: [${yes}], expect: [] }\n`), /no topic has the role consent/)
    assert.throws(() => of(['{ consent: marketing }'], '[]'), /say whether it is given/)
    assert.throws(() => of(['{ consent: marketing, given: true, url: x }'], '[]'), /consent has only/)
    assert.throws(() => of(['{ traits: { a: 1 }, url: x }'], '[]'), /a statement of traits has only/)
  })

  it('asks what has come of an action', () => {
    const rules = `include: beckon.yaml
topics: [{ name: feedback, role: outcomes, format: json }]
actions:
  - { name: lure, when: type == "lured", goal: { when: bought, within: 1h } }
  - { name: hint, when: type == "asked" }`
    const of = (given: string, expect: string) => {
      const { cases, ...rest } = file(`  - { name: x, given: [${given}], expect: { cases: ${expect} } }\n`, rules)
      return runCase({ ...rest, cases }, cases[0]!).flatMap((mismatch) =>
        mismatch.differences.map(({ of, expected, got }) => `${of}: ${expected} ${got}`),
      )
    }
    const seen = '{ outcome: impression, action: lure }'
    assert.deepEqual(of('{ type: lured }', '{ lure: open }'), [])
    assert.deepEqual(of('{ type: lured }, { type: bought, value: 5 }', '{ lure: positive }'), [])
    assert.deepEqual(of('{ type: lured }, { at: +1h }', '{ lure: unseen }'), [])
    assert.deepEqual(of(`{ type: lured }, ${seen}, { at: +1h }`, '{ lure: negative }'), [])
    // An action without a goal has a case too, as there is a topic that may tell.
    assert.deepEqual(of('{ type: asked }, { outcome: click, action: hint }', '{ hint: positive }'), [])
    assert.deepEqual(of('{ type: lured }', '{ lure: unseen, hint: open }'), [
      'case of lure: unseen open',
      'case of hint: open none',
    ])
    const both = '{ type: lured }, { type: asked }'
    assert.deepEqual(of(both, '{}, open: [lure, hint], worth: { lure: null }'), [])
    assert.deepEqual(of(`${both}, { type: bought, value: 5 }`, '{}, open: [hint], worth: { lure: 5 }'), [])
    assert.deepEqual(of(both, '{}, open: [], worth: { lure: 5 }'), ['open:  lure,hint', 'worth of lure: 5 null'])
  })

  it('keeps customers apart, and takes an event for late that is before the one before it', () => {
    assert.deepEqual(differences([view, '{ type: view, customer: c2 }'], '[]'), [])
    assert.deepEqual(differences(['{ at: 10:00, type: x }', '{ at: 09:59, type: view }', view], '[help]'), [])
    assert.deepEqual(
      differences(['{ at: 10:00, type: x }', '{ at: 09:50, type: view }', '{ at: 09:50, type: view }'], '[]'),
      [],
    )
  })

  it('lets time pass, and timers fire in it', () => {
    assert.deepEqual(
      differences([view, '{ at: +59m, then: [] }', '{ at: +1m, then: [miss] }', '{ at: +1d }'], '[]'),
      [],
    )
    assert.deepEqual(differences([view, '{ at: +50m, type: order, value: 1 }', '{ at: +1d }'], '[]'), [])
    assert.deepEqual(differences([view, '{ at: +1h, type: order, value: 1 }'], '[]'), [], 'just in time')
    assert.deepEqual(differences([view, '{ at: +2h, type: x }'], '[miss]'), [], 'before the event')
    assert.deepEqual(differences([view, '{ at: +2m }'], '{ features: { views_5m: 1 } }'), [])
    assert.deepEqual(differences([view, '{ at: +1h }'], '{ features: { views_5m: 0 } }'), [])
    assert.deepEqual(differences([view], '{ reasons: { miss: chosen } }'), [
      'reason of miss: "chosen" "no decision: it is of a timer"',
    ])
  })

  it('sees conditions become true, with an event or as time passes, once each time', () => {
    const vip = '{ at: 10:00, type: identify, traits: { vip: true } }'
    const reason = (name: string) => `{ reasons: { cooled: ${name} } }`
    const none = 'no decision: its condition did not become true with the event'
    // Each view leaves its window five minutes after its own minute began.
    const two = [vip, '{ at: 10:01, type: view, then: [cooled] }', '{ at: "10:02:30", type: view, then: [help] }']
    assert.deepEqual(differences([...two, '{ at: "10:05:59.999", then: [] }', '{ at: 10:06 }'], '[cooled]'), [])
    assert.deepEqual(differences([...two, '{ at: 10:30, type: x }', '{ at: +1d }'], '[cooled]'), [], 'before the event')
    assert.deepEqual(differences([...two, '{ at: 10:06, type: view }', '{ at: "10:07" }'], '[cooled]'), [], 'held up')
    const first = [vip, '{ at: 10:01, type: view }']
    assert.deepEqual(differences(first, reason('chosen')), [])
    assert.deepEqual(differences([...first, '{ type: x }'], reason('chosen')), [`reason of cooled: "chosen" "${none}"`])
  })

  it('sees that a repeated id is decided on once', () => {
    const same = '{ type: view, id: m1 }'
    assert.deepEqual(differences([same, same], '{ actions: [], features: { views_5m: 1 } }'), [])
    assert.deepEqual(differences([same, same], '{ reasons: { help: not_eligible } }'), [
      'reason of help: "not_eligible" "no decision: a duplicate"',
    ])
  })

  it('fails where an event is none', () => {
    assert.deepEqual(differences(['{ type: view, customer: "null" }'], '[]'), [
      'the event: "an event" "dead letter no_user: neither a customer nor an anonymous id that stands for someone: customer, from customer"',
    ])
  })

  const shown = (given: string[], expect: string) => {
    const rules = file(
      `  - name: x\n    given:\n${given.map((one) => `      - ${one}\n`).join('')}    expect: ${expect}\n`,
    )
    const [only] = rules.cases
    return formatFailure({ ...rules, name: 'x.test.yaml' }, only!, runCase(rules, only!))
      .split('\n')
      .slice(1)
      .map((line) => line.slice(8))
  }

  it('shows what the conditions in question saw', () => {
    const rules = file('  - name: helps\n    given:\n      - { at: 10:00:30, type: view }\n    expect: [help]\n')
    const [only] = rules.cases
    assert.equal(
      formatFailure({ ...rules, name: 'x.test.yaml' }, only!, runCase(rules, only!)),
      `not ok  x.test.yaml:3  helps
        after view at 2026-01-01 10:00:30
          actions  expected  ["help"]
                   got       []
          help is not_eligible: views_5m >= 2
            where views_5m = 1`,
    )
  })

  it('shows what the condition of a timer saw when it fired', () => {
    const wanted = ['  actions  expected  ["often"]', '           got       []']
    const saw = (at: string) => [
      `  often is not_eligible${at}: views_5m >= 1 && spent > 10`,
      '    where views_5m = 0, spent = 9',
    ]
    const first = ['{ at: 10:00, type: order, value: 9 }', '{ type: seen }']
    const given = ['{ at: 09:00, type: view }', ...first]
    assert.deepEqual(shown([...given, '{ at: "10:05:01" }'], '[often]'), [
      'at 2026-01-01 10:05:01',
      ...wanted,
      ...saw(''),
    ])
    // What comes after it changes nothing of what it saw.
    const late = [...given, '{ at: 10:30, type: view }']
    const then = saw(' at 2026-01-01 10:05:01')
    assert.deepEqual(shown(late, '[often]'), ['after view at 2026-01-01 10:30:00', ...wanted, ...then])
    assert.deepEqual(shown([...late, '{ at: +1m }'], '[often]'), ['at 2026-01-01 10:31:00', ...wanted, ...then])
    assert.deepEqual(shown([...late, '{ at: +1m, customer: c2 }'], '[often]'), [
      'at 2026-01-01 10:31:00',
      ...wanted,
      ...saw(' for c1 at 2026-01-01 10:05:01'),
    ])
  })

  it('tells why an action was not decided', () => {
    const why = (given: string[], expect: string) => shown(given, expect).slice(3)
    const timer = '  miss was not decided: its timer (no order in 1h after view)'
    assert.deepEqual(why(['{ type: x }', '{ at: +1h }'], '[miss]'), [`${timer} was not started`])
    assert.deepEqual(why([view, '{ at: +59m }'], '[miss]'), [`${timer} is due at 2026-01-01 11:00:00`])
    assert.deepEqual(why([view, '{ at: 10:30, type: order }', '{ at: +1h }'], '[miss]'), [
      `${timer} was cancelled by the event at 2026-01-01 10:30:00`,
    ])
    assert.deepEqual(why([view, '{ at: +1h, then: [miss] }', '{ at: +1h }'], '[miss]'), [`${timer} had fired before`])
    assert.deepEqual(why([view, '{ at: +5m }'], '[cooled]'), [
      '  cooled was not decided: its condition did not become true: views_5m == 1 && traits.vip == true',
      '    where views_5m = 0',
    ])
    assert.deepEqual(why([view, '{ at: +1m }'], '[help]'), [
      '  help is not_eligible at 2026-01-01 10:00:00: views_5m >= 2',
      '    where views_5m = 1',
    ])
    assert.deepEqual(why(['{ type: view, then: [] }', '{ at: +1m }'], '[help]'), [
      '  help was not decided: no event was decided on',
    ])
  })

  const faulty: [what: string, cases: string, fault: RegExp][] = [
    [
      'a time that is none',
      '  - { name: x, given: [{ at: soon, type: a }], expect: [] }',
      /:3:30: cases.0.given.0.at: a time such as/,
    ],
    ['an unknown key', '  - { name: x, given: [{ type: a, colour: red }], expect: [] }', /:3:.*colour: unknown key/],
    [
      'an action that is not declared',
      '  - { name: x, given: [{ type: a }], expect: [halp] }',
      /:3:.*no action halp; did you mean help\?/,
    ],
    [
      'a feature that is not declared',
      '  - name: x\n    given: [{ type: a }]\n    expect: { features: { views: 1 } }',
      /:5:\d+: .*no feature views/,
    ],
    [
      'a reason that is none',
      '  - { name: x, given: [{ type: a }], expect: { reasons: { help: cooldwn } } }',
      /reasons\.help: expected chosen, .*; did you mean cooldown\?/,
    ],
    ['nothing expected', '  - { name: x, given: [{ type: a }] }', /:3:.*the case expects nothing/],
    ['a check said twice', '  - { name: x, given: [{ type: a, then: [] }], expect: [] }', /say it in expect/],
    [
      'a time that passes with something else',
      '  - { name: x, given: [{ at: +1m, url: x }], expect: [] }',
      /:3:.*given\.0\.url: an event has a type/,
    ],
    [
      'neither an event nor a time',
      '  - { name: x, given: [{ then: [] }], expect: [] }',
      /neither an event, which has a type/,
    ],
    [
      'an outcome of an event',
      '  - { name: x, given: [{ type: a, outcome: click }], expect: [] }',
      /a line of its own/,
    ],
    ['a url of an outcome', '  - { name: x, given: [{ outcome: click, url: x }], expect: [] }', /an outcome has only/],
    ['an outcome of nobody', '  - { name: x, given: [{ outcome: click, action: hlp }], expect: [] }', /mean help\?/],
    [
      'a gate that is none',
      '  - { name: x, given: [{ type: a }], expect: { gates: { call: in_stok } } }',
      /no gate in_stok; did you mean in_stock\?/,
    ],
    ['no events', '  - { name: x, given: [], expect: [] }', /cases\.0\.given/],
  ]
  for (const [what, cases, fault] of faulty) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => file(`${cases}\n`),
        (error) => error instanceof ConfigError && fault.test(error.message),
      )
    })
  }

  it('may be a configuration itself, whose faults have their place in it', () => {
    const own = (rules: string) =>
      file('  - { name: x, given: [{ type: hi }], expect: [wave] }\n', `include: beckon.yaml\n${rules}`)
    const rules = own('actions: [{ name: wave, when: type == "hi", value: 100 }]')
    assert.deepEqual(runCase(rules, rules.cases[0]!), [])
    assert.throws(() => own('actions: [{ name: wave, wen: type == "hi" }]'), /x\.test\.yaml:2:\d+: .*when/)
    assert.throws(
      () => own('acts: []\nactions: [{ name: wave, when: "true" }]'),
      /x\.test\.yaml:2:7: acts: unknown key/,
    )
    assert.throws(
      () => file('  - { name: x, given: [{ type: a }] }', 'config: beckon.yaml\nactions: []'),
      /actions: unknown key/,
    )
  })

  it('is refused where its configuration is', () => {
    const one = '  - { name: x, given: [{ type: a }], expect: [] }\n'
    assert.throws(
      () => file(one, 'config: none.yaml'),
      /none\.yaml: no such file; config in .*x\.test\.yaml names another/,
    )
    assert.throws(() => file('  []\n'), ConfigError)
  })

  it('knows treatments and slots by name, and explores nothing', () => {
    const head = `
kafka: { brokers: [localhost:9092] }
clickhouse: { url: http://localhost:8123 }
topics: [{ name: shop.events, format: json }]
actions:
  - name: a
    when: 'true'
    value: 2
    treatments: [{ name: mail }, { name: push, factor: 2, payload: { text: hi } }]
  - { name: b, when: 'true' }
arbitration: { slots: { hero: 1 }, explore: { epsilon: 1 } }`
    const cases = (expect: string) => `  - { name: x, given: [{ type: view }, { type: view }], expect: ${expect} }\n`
    const passing = file(
      cases('{ actions: [a, a], treatments: { a: push }, slots: { a: hero }, payload: { a: { text: hi } } }'),
      head,
    )
    assert.deepEqual(runCase(passing, passing.cases[0]!), [])
    const failing = file(cases('{ treatments: { a: mail, b: "" }, slots: { b: hero }, decision: nothing }'), head)
    assert.deepEqual(
      runCase(failing, failing.cases[0]!)[0]!.differences.map(({ of, got }) => [of, got]),
      [
        ['treatment of a', 'push'],
        ['treatment of b', null],
        ['slot of b', null],
        ['decision', 'chosen'],
      ],
    )
    assert.throws(
      () => file(cases('{ treatments: { a: pusch, c: x }, slots: { a: hreo } }'), head),
      ({ faults }: ConfigError) => {
        assert.deepEqual(
          faults.map(({ message }) => message),
          [
            'no treatment pusch; did you mean push?',
            'no action c; did you mean a?',
            'no treatment x',
            'no slot hreo; did you mean hero?',
          ],
        )
        return true
      },
    )
  })
})
