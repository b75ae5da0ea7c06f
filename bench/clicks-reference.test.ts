import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generateClicks } from './clicks.ts'
import { referenceActions } from './clicks-reference.ts'

const hour = 3_600_000
const minute = 60_000
/** A moment at which a pane of every size begins. */
const start = Date.UTC(2026, 0, 1)

function click(type: 'view' | 'add_to_cart' | 'purchase' | 'search', atMs: number, price = 0, customer = 'u1') {
  return { customer, type, price, timeMs: start + atMs }
}

function views(count: number, atMs: number) {
  return Array.from({ length: count }, () => click('view', atMs))
}

/** Action and position of each, for short. */
function actionsOf(clicks: Parameters<typeof referenceActions>[0]): string[] {
  return referenceActions(clicks).map(({ action, index }) => `${action}@${index}`)
}

describe('the reference answers', () => {
  it('remind of a cart at the third view with a cart and without a purchase', () => {
    assert.deepEqual(actionsOf([click('add_to_cart', 0), ...views(3, 1000)]), ['remind_cart@3'])
    assert.deepEqual(actionsOf([click('add_to_cart', 0), click('purchase', 10), ...views(3, 1000)]), [])
    assert.deepEqual(actionsOf(views(7, 0)), [])
  })

  it('forget a view when its pane is the fifth before that of the stream time', () => {
    assert.deepEqual(actionsOf([...views(7, 59_999), click('view', 5 * minute - 1)]), ['high_intent@7'])
    assert.deepEqual(actionsOf([...views(7, 59_999), click('view', 5 * minute)]), [])
  })

  it('forget a purchase after twelve panes of 5 min, a spend after 24 h', () => {
    const cart = click('add_to_cart', 50 * minute)
    assert.deepEqual(actionsOf([click('purchase', 0), cart, ...views(3, hour - 1)]), [])
    assert.deepEqual(actionsOf([click('purchase', 0), cart, ...views(3, hour)]), ['remind_cart@4'])
    assert.deepEqual(actionsOf([click('purchase', 0, 500), click('purchase', 24 * hour - 1, 0.01)]), ['vip@1'])
    assert.deepEqual(actionsOf([click('purchase', 0, 500), click('purchase', 24 * hour, 0.01)]), [])
  })

  it('count exactly: a spend of 500.00 in cents is not above 500', () => {
    const cents = Array.from({ length: 5000 }, () => click('purchase', 0, 0.1))
    assert.deepEqual(actionsOf(cents), [])
    assert.deepEqual(actionsOf([...cents, click('purchase', 0, 0.01)]), ['vip@5000'])
  })

  it('repeat an action once 30 min have gone by in stream time, each action by itself', () => {
    const later = (ms: number) => click('search', ms)
    const rich = click('purchase', 0, 501)
    assert.deepEqual(actionsOf([rich, later(30 * minute - 1), later(30 * minute)]), ['vip@0', 'vip@2'])
    assert.deepEqual(actionsOf([rich, ...views(8, 1000)]), ['vip@0', 'high_intent@8'])
  })

  it('put a late click into its pane, and decide on it as of the stream time', () => {
    const late = [click('search', 5 * minute), ...views(8, 90_000)]
    assert.deepEqual(referenceActions(late), [
      { customer: 'u1', action: 'high_intent', index: 8, timeMs: start + 5 * minute },
    ])
    assert.deepEqual(actionsOf([click('search', 6 * minute), ...views(8, 90_000)]), [])
  })

  it('keep customers apart', () => {
    const mixed = views(8, 0).map((view, i) => ({ ...view, customer: `u${i % 2}` }))
    assert.deepEqual(actionsOf(mixed), [])
  })

  it('name all three actions for the workload, those of one click as they are listed', () => {
    const actions = referenceActions(generateClicks({ count: 50_000, customers: 2000, seed: 7 }))
    const kinds = ['remind_cart', 'high_intent', 'vip']
    for (const kind of kinds) assert.ok(actions.filter(({ action }) => action === kind).length > 100, kind)
    const together = actions.filter(({ index }, i) => index === actions[i - 1]?.index)
    assert.ok(together.length > 0)
    actions.forEach(({ index, action }, i) => {
      const before = actions[i - 1]
      if (before === undefined) return
      assert.ok(before.index < index || kinds.indexOf(before.action) < kinds.indexOf(action))
    })
  })
})
