import type { Value } from '../../events/event.ts'

/** What the simulated shop sells, where its visitors come from, and what they say when they are cross. */

export const shopOrigin = 'https://shop.example'
export const currency = 'EUR'

/** A product as the Segment spec for e-commerce writes one. */
export interface Product {
  readonly [name: string]: Value
  readonly product_id: string
  readonly name: string
  readonly category: string
  readonly brand: string
  readonly price: number
  readonly currency: string
  readonly url: string
}

export interface Category {
  readonly name: string
  readonly searches: readonly string[]
  readonly products: readonly Product[]
}

const brands = ['Alder', 'Birke', 'Cedro', 'Dunlin', 'Egret']
const models = ['Classic', 'Light', 'Pro', 'Mini', 'Plus', 'Eco']

function category(name: string, noun: string, fromPrice: number, searches: readonly string[]): Category {
  const products = brands.flatMap((brand, b) =>
    models.map((model, m): Product => {
      const id = `${name}-${b}${m}`
      const price = fromPrice + ((b * 7 + m * 11) % 30) * Math.ceil(fromPrice / 15) + 0.9
      const title = `${brand} ${model} ${noun}`
      return { product_id: id, name: title, category: name, brand, price, currency, url: `${shopOrigin}/p/${id}` }
    }),
  )
  return { name, searches, products }
}

export const categories: readonly Category[] = [
  category('shoes', 'running shoe', 69, ['running shoes', 'trail shoes size 44', '跑鞋']),
  category('jackets', 'rain jacket', 89, ['rain jacket', 'waterproof jacket women', '雨衣']),
  category('headphones', 'headphones', 49, ['noise cancelling headphones', 'headphones gym', '降噪耳机']),
  category('coffee', 'coffee maker', 39, ['espresso machine', 'coffee maker small', '咖啡机']),
  category('lamps', 'desk lamp', 25, ['desk lamp', 'reading light warm', '台灯']),
  category('bags', 'backpack', 45, ['laptop backpack', 'daypack 20l', '双肩包']),
]

export interface Arrival {
  readonly referrer: string
  /** Of the landing page's URL, with the campaign's tags. */
  readonly query: string
}

const direct: Arrival = { referrer: '', query: '' }
const google: Arrival = { referrer: 'https://www.google.com/', query: '' }
const advert: Arrival = {
  referrer: 'https://www.google.com/',
  query: '?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=Cj0KCQjw',
}
export const mail: Arrival = { referrer: '', query: '?utm_source=newsletter&utm_medium=email&utm_campaign=weekly' }

/** Each is as likely as it is often listed. */
export const arrivals: readonly Arrival[] = [
  ...[direct, direct, direct, direct, direct, direct],
  ...[google, google, google, google],
  ...[advert, advert],
  ...[mail, mail],
  { referrer: 'https://www.bing.com/', query: '' },
  { referrer: 'https://www.baidu.com/link?url=x', query: '' },
  { referrer: 'https://www.instagram.com/', query: '?utm_source=instagram&utm_medium=social&utm_campaign=creators' },
  { referrer: 'https://www.reddit.com/', query: '' },
  { referrer: 'https://chatgpt.com/', query: '?utm_source=chatgpt.com' },
  { referrer: 'https://www.perplexity.ai/', query: '' },
]

export const userAgents: readonly string[] = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
]

export const botUserAgents: readonly string[] = [
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  'python-requests/2.32.3',
]

export type Language = 'en' | 'zh'

export const homes: Record<Language, readonly { readonly locale: string; readonly timezone: string }[]> = {
  en: [
    { locale: 'en-GB', timezone: 'Europe/London' },
    { locale: 'en-US', timezone: 'America/New_York' },
    { locale: 'en-IE', timezone: 'Europe/Dublin' },
  ],
  zh: [
    { locale: 'zh-CN', timezone: 'Asia/Shanghai' },
    { locale: 'zh-TW', timezone: 'Asia/Taipei' },
  ],
}

/** What customers write when a delivery is late; `{product}` is what they wait for. */
export const complaints: Record<Language, readonly string[]> = {
  en: [
    'Where is my {product}? You promised delivery within the hour and nobody has come.',
    'Third time my order is late. This is really disappointing, I want my money back!',
    'The {product} still has not arrived and the tracking page shows nothing. Please help.',
    'I took time off to receive the {product} and it never came. Not happy at all.',
    'Hello, my delivery seems to be delayed. Could you tell me when the {product} will be here?',
  ],
  zh: [
    '我的{product}怎么还没到?说好一小时送达,太失望了。',
    '物流一直没有更新,{product}到底什么时候能送到?',
    '又迟到了!服务太差,我要退款。',
    '请问我的订单怎么这么慢?等了很久还没收到{product}。',
  ],
}

export const returnReasons: readonly string[] = [
  'too small',
  'too large',
  'not as described',
  'arrived damaged',
  'changed my mind',
]
