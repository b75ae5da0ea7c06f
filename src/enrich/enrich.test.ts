import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { sharedData, noSharedData as skip } from '../../test/shared-data.ts'
import { Event } from '../events/event.ts'
import { compileEnricher } from './enrich.ts'
import { noAgent, noCampaign, noGeo, noReferrer } from './enrichment.ts'

test('an event is enriched with everything it tells', () => {
  const enrich = compileEnricher({
    userAgent: true,
    bot: true,
    campaign: true,
    referrer: { internalDomains: [] },
    geo: { reader: () => ({ country: { iso_code: 'GB' } }) },
  })
  const event = new Event()
  event.ip = '81.2.69.142'
  event.url = 'https://shop.example/p/1?utm_source=chatgpt.com'
  event.userAgent =
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15'
  const { agent, campaign, referrer, channelGroup, geo } = enrich(event)
  assert.deepEqual([agent.device, agent.browser, agent.os], ['desktop', 'Safari', 'Mac OS'])
  assert.equal(campaign.source, 'chatgpt.com')
  assert.deepEqual([referrer.class, referrer.source], ['ai', 'ChatGPT'])
  assert.equal(channelGroup, 'ai')
  assert.equal(geo.country, 'GB')
})

test('what is switched off stays empty', () => {
  const enrich = compileEnricher({ userAgent: false, bot: false, campaign: false, referrer: null, geo: null })
  const event = new Event()
  event.ip = '81.2.69.142'
  event.url = '/?utm_source=x'
  event.referrer = 'https://www.google.com/'
  event.userAgent = 'Googlebot/2.1'
  assert.deepEqual(enrich(event), {
    agent: noAgent,
    campaign: noCampaign,
    referrer: noReferrer,
    channelGroup: '' as const,
    geo: noGeo,
  })
})

const accessLog = sharedData('access-log/access.log.gz')

test('a real access log gives what counting by hand gives', { skip }, () => {
  const enrich = compileEnricher({
    userAgent: true,
    bot: true,
    campaign: true,
    referrer: { internalDomains: ['semicomplete.com'] },
    geo: null,
  })
  const counts: Record<string, number> = {}
  const count = (key: string) => {
    counts[key] = (counts[key] ?? 0) + 1
  }
  for (const line of gunzipSync(readFileSync(accessLog)).toString().trimEnd().split('\n')) {
    const [, request = '', , referrer = '', , userAgent = ''] = line.split('"')
    const event = new Event()
    event.url = `http://www.semicomplete.com${request.split(' ')[1]}`
    event.referrer = referrer
    event.userAgent = userAgent
    const found = enrich(event)
    count(`referrer ${found.referrer.class}`)
    count(`device ${found.agent.device}`)
    if (found.agent.bot) count('bot')
    if (found.referrer.term !== '') count('searched')
    if (found.referrer.source === 'Google') count('from Google')
    if (found.campaign !== noCampaign) count(`campaign ${found.campaign.source} ${found.campaign.medium}`)
  }
  assert.deepEqual(counts, {
    'referrer direct': 4073,
    'referrer internal': 5039,
    'referrer search': 602,
    'referrer social': 52,
    'referrer other': 234,
    'from Google': 573,
    searched: 80,
    'campaign feedburner feed': 153,
    bot: 3004,
    'device bot': 3004,
    'device desktop': 6605,
    'device mobile': 279,
    'device tablet': 94,
    'device other': 18,
  })
})
