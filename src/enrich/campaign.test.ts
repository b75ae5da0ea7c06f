import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Event, Properties, type Value } from '../events/event.ts'
import { compileCampaign } from './campaign.ts'
import { type Campaign, noCampaign } from './enrichment.ts'

function event(url: string, properties: Record<string, Value> = {}): Event {
  const made = new Event()
  made.url = url
  made.properties = new Properties(Object.keys(properties), Object.values(properties))
  return made
}

test('the campaign is read from the parameters of the URL', () => {
  const campaignOf = compileCampaign()
  const cases: [url: string, wanted: Partial<Campaign>][] = [
    [
      'https://shop.example/a?utm_source=news&utm_medium=email&utm_campaign=spring+sale&utm_term=a%26b&utm_content=top',
      { source: 'news', medium: 'email', name: 'spring sale', term: 'a&b', content: 'top' },
    ],
    ['/a?id=7&gclid=Cj0abc#top', { clickId: 'Cj0abc', network: 'Google' }],
    ['/a?wbraid=w', { clickId: 'w', network: 'Google' }],
    ['/a?fbclid=f&utm_source=ig', { source: 'ig', clickId: 'f', network: 'Meta' }],
    ['/a?msclkid=m', { clickId: 'm', network: 'Microsoft' }],
    ['/a?ttclid=t', { clickId: 't', network: 'TikTok' }],
    ['/a?twclid=t', { clickId: 't', network: 'X' }],
    ['/a?li_fat_id=l', { clickId: 'l', network: 'LinkedIn' }],
    ['/a?ScCid=s', { clickId: 's', network: 'Snapchat' }],
    ['/a?gclid=first&fbclid=second', { clickId: 'first', network: 'Google' }],
    ['/a?UTM_SOURCE=News', { source: 'News' }],
    ['/a?utm_source=&utm_source=second&utm_source=third', { source: 'second' }],
    ['/#/product?utm_source=app', { source: 'app' }],
    ['/a?utm_source=%E9%82%AE%E4%BB%B6', { source: '邮件' }],
    ['/a?utm_source=50%off', { source: '50%off' }],
    ['/a?utm_source=%C4%E3', { source: '%C4%E3' }],
    ['/a?utm_source', {}],
    ['/a?utm_source=&x=1', {}],
    ['/a?notutm_source=x&myutm_source=y', {}],
    ['/a?q=utm_source', {}],
    ['/a#utm_source=x&utm_medium=y', { source: 'x', medium: 'y' }],
    ['/a#utm_source=x?b=1', { source: 'x?b=1' }],
    ['/a?x=1#/p?utm_source=x', { source: 'x' }],
    ['/a?utm_source=x#/p?utm_medium=y', { source: 'x', medium: 'y' }],
    ['/a?b=1?utm_source=x&utm_medium=y', { source: 'x', medium: 'y' }],
    ['/a?utm_content=why?&utm_source=x', { content: 'why?', source: 'x' }],
    ['/a?utm_source=x&amp;utm_medium=y&amp;utm_term=a%26amp;b', { source: 'x', medium: 'y', term: 'a&amp;b' }],
    ['/a?b&amp;gclid=g', { clickId: 'g', network: 'Google' }],
    ['/a?utm%5Fsource=x&utm%5fmedium=y', { source: 'x', medium: 'y' }],
    ['/a?utm_source=a%1b%5b31mb%E2%80%AEc%00&utm_term=%0Dt', { source: 'abc', term: 't' }],
    ['/a?gclid=%1b%5b0mg', { clickId: 'g', network: 'Google' }],
    ['/a#top', {}],
    ['', {}],
  ]
  for (const [url, wanted] of cases) assert.deepEqual(campaignOf(event(url)), { ...noCampaign, ...wanted }, url)
})

test('an event without a campaign gives the shared empty one, and a known query the same object again', () => {
  const campaignOf = compileCampaign()
  assert.equal(campaignOf(event('/a?page=2&sort=price')), noCampaign)
  assert.equal(campaignOf(event('/a?utm_source=x')), campaignOf(event('/b?utm_source=x#top')))
})

test('a property of the event overrides the URL', () => {
  const campaignOf = compileCampaign()
  const url = '/a?utm_source=url&utm_medium=cpc&gclid=g'
  assert.deepEqual(campaignOf(event(url, { price: 3, campaign_source: 'context', campaign_name: 'spring' })), {
    ...noCampaign,
    source: 'context',
    medium: 'cpc',
    name: 'spring',
    clickId: 'g',
    network: 'Google',
  })
  assert.equal(campaignOf(event('', { utm_source: 'own' })).source, 'own')
  assert.equal(campaignOf(event(url, { utm_source: '', utm_medium: 7 })).source, 'url')
  assert.equal(campaignOf(event(url)).source, 'url', 'the URL alone is not touched by what another event overrode')
})

test('no URL makes it throw', () => {
  const campaignOf = compileCampaign()
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('utm_source=', 'gclid=', '%', '%zz', '%E9', '&', '=', '?', '#', '+'),
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      campaignOf(event(`?utm_source=${pieces.join('')}`))
    }),
  )
})
