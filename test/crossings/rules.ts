/**
 * Short windows of every kind that time can run out of, and conditions over them that are crossed both ways. What they mean
 * is written once more, and otherwise, in `reference.ts`.
 */
export const rules = {
  enrich: { session: { idle: '2s' } },
  features: [
    { name: 'views_4s', count: {}, where: 'type == "view"', window: { size: '4s', pane: '1s' } },
    { name: 'adds_3s', count: {}, where: 'type == "add"', window: { sliding: '3s' } },
    { name: 'spent_6s', sum: 'properties.price', scale: 2, where: 'type == "buy"', window: { size: '6s', pane: '2s' } },
    { name: 'views_session', count: {}, where: 'type == "view"', window: 'session' },
    { name: 'last_type', last: 'type', window: { sliding: '5s' } },
    { name: 'views', count: {}, where: 'type == "view"', window: 'lifetime' },
    { name: 'lively', value: 'views_4s + adds_3s' },
  ],
  actions: [
    { name: 'many_views', on: 'becomes_true', when: 'views_4s >= 4' },
    { name: 'views_gone', on: 'becomes_true', when: 'views_4s == 0 && views > 0' },
    { name: 'one_left', on: 'becomes_true', when: 'lively == 1 && views_session > 0' },
    { name: 'visit_over', on: 'becomes_true', when: 'views_session == 0 && views > 0' },
    { name: 'spender', on: 'becomes_true', when: 'spent_6s > 150.0' },
    { name: 'spent_no_more', on: 'becomes_true', when: 'spent_6s < 50.0 && views > 0' },
    { name: 'silent_shopper', on: 'becomes_true', when: 'last_type == null && views > 2' },
    { name: 'no_buy', on: { absent: 'buy', after: 'add', for: '3s' }, when: 'true' },
    { name: 'silence', on: { absent: 'true', after: 'true', for: '5s' }, when: 'true' },
  ],
  arbitration: { emit: 'all' },
} as const

/** Longer than any of these, after which nothing is due any more. */
export const longestMs = 6_500
