import {
  arrivals,
  type Category,
  categories,
  complaints,
  currency,
  mail,
  type Product,
  returnReasons,
} from './goods.ts'
import type { CartLine, ShopEvent, Visit } from './visit.ts'

/** What a visitor does in one visit, event by event, and for what that visitor comes back later. */
export type Behaviour = (visit: Visit) => Generator<ShopEvent, FollowUp | null>

interface FollowUp {
  readonly afterMs: number
  readonly behaviour: Behaviour
}

const minuteMs = 60_000
/** Of those who abandon a cart, how many come back to it, and of these, how many buy. */
const returnShare = 0.3
const boughtOnReturnShare = 0.6
const lateDeliveryShare = 0.15
const returnedShare = 0.08

/** Home, a category, a few products, and away. */
export function* browse(visit: Visit): ReturnType<Behaviour> {
  const category = yield* enter(visit)
  for (let views = 1 + visit.random.below(5); views > 0; views--) yield visit.view(visit.random.pick(category.products))
  if (visit.random.chance(0.2)) yield visit.track('Product Added to Wishlist', visit.random.pick(category.products))
  return null
}

/** Several products of one kind in a short time: someone who can't decide. */
export function* compare(visit: Visit): ReturnType<Behaviour> {
  const category = yield* enter(visit)
  visit.paceMs = 7000
  const shortlist = [0, 1, 2].map(() => visit.random.pick(category.products))
  for (let views = 4 + visit.random.below(8); views > 0; views--) yield visit.view(visit.random.pick(shortlist))
  return null
}

/** Fills a cart, and abandons it in that share of the visits. */
export function shopWith(abandonShare: number): Behaviour {
  return function* shop(visit) {
    const category = yield* enter(visit)
    const lines: CartLine[] = []
    for (let products = 1 + visit.random.below(3); products > 0; products--) {
      const product = visit.random.pick(category.products)
      yield visit.view(product)
      const line: CartLine = { ...product, quantity: visit.random.chance(0.8) ? 1 : 2 }
      lines.push(line)
      yield visit.track('Product Added', line)
    }
    if (lines.length > 1 && visit.random.chance(0.15)) yield visit.track('Product Removed', lines.pop() ?? {})
    if (!visit.random.chance(abandonShare)) return yield* buy(visit, lines)

    // Some look at the cart and hesitate over products, some flinch at the checkout.
    yield visit.track('Cart Viewed', cart(lines))
    if (visit.random.chance(0.4)) yield visit.track('Checkout Started', cart(lines))
    else
      for (let views = visit.random.below(4); views > 0; views--) yield visit.view(visit.random.pick(category.products))
    if (!visit.random.chance(returnShare)) return null
    return { afterMs: (40 + visit.random.below(140)) * minuteMs, behaviour: (later) => returnToCart(later, lines) }
  }
}

/** Pages in quick succession, as no human reads them. */
export function* crawl(visit: Visit): ReturnType<Behaviour> {
  visit.paceMs = 1000
  for (let pages = 20 + visit.random.below(40); pages > 0; pages--) {
    const product = visit.random.pick(visit.random.pick(categories).products)
    yield visit.page(`/p/${product.product_id}`, product.name)
  }
  return null
}

/** From the landing page to a category, by search or by the menu. */
function* enter(visit: Visit): Generator<ShopEvent, Category> {
  const { visitor, random } = visit
  yield visit.land(random.pick(arrivals), '/', 'Home')
  if (visitor.userId !== null && !visitor.identified) yield visit.identify()
  const category = random.pick(categories)
  if (random.chance(0.35)) {
    const inLanguage = category.searches.filter((query) => query.charCodeAt(0) > 0x7f === (visitor.language === 'zh'))
    yield visit.track('Products Searched', { query: random.pick(inLanguage) })
  } else {
    yield visit.page(`/c/${category.name}`, category.name)
    yield visit.track('Product List Viewed', { list_id: category.name, category: category.name })
  }
  return category
}

function* returnToCart(visit: Visit, lines: readonly CartLine[]): ReturnType<Behaviour> {
  yield visit.land(mail, '/cart', 'Cart')
  if (visit.random.chance(boughtOnReturnShare)) return yield* buy(visit, lines)
  yield visit.track('Cart Viewed', cart(lines))
  return null
}

function* buy(visit: Visit, lines: readonly CartLine[]): ReturnType<Behaviour> {
  const { visitor, random } = visit
  yield visit.track('Cart Viewed', cart(lines))
  yield visit.track('Checkout Started', cart(lines))
  if (visitor.userId === null && random.chance(0.3)) {
    visitor.userId = `u-${visitor.devices[0]?.anonymousId}`
    yield visit.track('Signed Up', { method: 'checkout' })
    yield visit.identify()
  }
  if (random.chance(0.2)) yield visit.track('Coupon Applied', { coupon_id: 'WELCOME5', discount: 5 })
  yield visit.track('Payment Info Entered', { payment_method: random.pick(['card', 'wallet', 'invoice']) })
  const { value } = cart(lines)
  const shipping = value < 50 ? 4.9 : 0
  const total = inCents(value + shipping)
  const orderId = `o-${random.bits().toString(36)}${random.bits().toString(36)}`
  const amounts = { total, revenue: value, shipping, currency }
  yield visit.track('Order Completed', { order_id: orderId, ...amounts, products: lines })

  const product = random.pick(lines)
  if (random.chance(lateDeliveryShare)) {
    return { afterMs: (35 + random.below(60)) * minuteMs, behaviour: (later) => complain(later, orderId, product) }
  }
  if (random.chance(returnedShare)) {
    return { afterMs: (45 + random.below(75)) * minuteMs, behaviour: (later) => giveBack(later, orderId, product) }
  }
  return null
}

function* complain(visit: Visit, orderId: string, product: Product): ReturnType<Behaviour> {
  yield visit.land({ referrer: '', query: '' }, `/orders/${orderId}`, 'Your order')
  yield visit.page('/help', 'Help')
  const message = visit.random.pick(complaints[visit.visitor.language]).replace('{product}', product.name)
  yield visit.track('Support Contacted', { topic: 'late_delivery', medium: 'chat', order_id: orderId, message })
  return null
}

function* giveBack(visit: Visit, orderId: string, product: Product): ReturnType<Behaviour> {
  yield visit.land({ referrer: '', query: '' }, `/orders/${orderId}`, 'Your order')
  const reason = visit.random.pick(returnReasons)
  yield visit.track('Product Returned', { order_id: orderId, reason, ...product })
  return null
}

function cart(lines: readonly CartLine[]) {
  const value = inCents(lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0))
  return { value, currency, products: lines }
}

function inCents(amount: number): number {
  return Math.round(amount * 100) / 100
}
