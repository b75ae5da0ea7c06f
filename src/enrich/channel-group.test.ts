import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '../events/event.ts'
import { compileCampaign } from './campaign.ts'
import { compileChannelGroup } from './channel-group.ts'
import { type ChannelGroup, noCampaign, noReferrer } from './enrichment.ts'
import { compileReferrer } from './referrer.ts'

const campaignOf = compileCampaign()
const referrerOf = compileReferrer({ internalDomains: [] })
const channelGroupOf = compileChannelGroup()

function groupOf(query: string, referrer = ''): ChannelGroup {
  const event = Object.assign(new Event(), { url: `https://shop.example/${query}`, referrer })
  const campaign = campaignOf(event)
  return channelGroupOf(campaign, referrerOf(event, campaign))
}

const cases: readonly [wanted: ChannelGroup, query: string, referrer?: string][] = [
  ['direct', ''],
  ['direct', '?utm_source=(direct)&utm_medium=(none)'],
  ['direct', '?utm_term=x'],
  ['direct', '?utm_source='],
  ['', '', 'https://shop.example/a'],
  ['referral', '', 'https://partner.example/'],
  ['organic_search', '', 'https://www.google.de/'],
  ['organic_social', '', 'https://l.facebook.com/'],
  ['organic_video', '', 'https://www.youtube.com/'],
  ['organic_shopping', '', 'https://www.amazon.co.uk/dp/1'],
  ['email', '', 'android-app://com.google.android.gm/'],
  ['ai', '', 'https://claude.ai/'],

  ['paid_search', '?utm_source=google&utm_medium=cpc'],
  ['paid_search', '?utm_source=Google.com&utm_medium=PPC'],
  ['paid_search', '?utm_medium=cpc', 'https://www.bing.com/'],
  ['paid_search', '?utm_source=brand&utm_medium=cpc', 'https://www.bing.com/'],
  ['paid_social', '?utm_source=fb&utm_medium=paid_social'],
  ['paid_video', '?utm_source=youtube&utm_medium=cpc'],
  ['paid_shopping', '?utm_source=ebay&utm_medium=cpc'],
  ['paid_shopping', '?utm_source=google&utm_medium=cpc&utm_campaign=Shopping-DE'],
  ['cross_network', '?utm_source=google&utm_medium=cpc&utm_campaign=cross-network'],
  ['paid_other', '?utm_source=news-site&utm_medium=xcpx%0Ay'],
  ['unassigned', `?utm_source=${'a.'.repeat(130)}google.com&utm_medium=x`],
  ['display', '?utm_source=news-site&utm_medium=banner'],
  ['display', '?utm_source=news-site&utm_medium=cpm'],
  ['paid_other', '?utm_source=news-site&utm_medium=cpc'],
  ['paid_other', '?utm_source=chatgpt.com&utm_medium=cpc'],

  ['organic_search', '?utm_source=google&utm_medium=organic'],
  ['organic_social', '?utm_source=newsroom&utm_medium=social'],
  ['organic_social', '?utm_source=instagram&utm_medium=bio'],
  ['organic_video', '?utm_source=channel&utm_medium=video'],
  ['email', '?utm_source=spring&utm_medium=email', 'https://www.google.com/'],
  ['email', '?utm_source=E-Mail'],
  ['email', '?utm_source=spring&utm_medium=email&utm_campaign=shop-sale'],
  ['affiliates', '?utm_source=partner&utm_medium=affiliate', 'https://partner.example/'],
  ['referral', '?utm_source=partner&utm_medium=referral'],
  ['audio', '?utm_source=podcast&utm_medium=audio'],
  ['sms', '?utm_source=sms'],
  ['push', '?utm_source=app&utm_medium=web_push'],
  ['push', '?utm_source=firebase'],
  ['ai', '?utm_source=chatgpt.com'],
  ['ai', '?utm_source=chatgpt.com&utm_medium=referral'],
  ['ai', '?utm_source=perplexity', 'https://www.perplexity.ai/'],
  ['unassigned', '?utm_source=spring'],
  ['unassigned', '?utm_source=spring', 'https://partner.example/'],
  ['organic_search', '?utm_campaign=spring', 'https://www.google.com/'],

  ['paid_search', '?gclid=x'],
  ['paid_search', '?utm_source=google&gclid=x'],
  ['paid_search', '?msclkid=x', 'https://www.bing.com/'],
  ['paid_search', '?utm_source=spring&utm_medium=newsletter&gclid=x'],
  ['email', '?utm_source=spring&utm_medium=email&gclid=x'],
  ['organic_social', '?fbclid=x'],
  ['paid_social', '?utm_source=facebook&utm_medium=cpc&fbclid=x'],
  ['paid_social', '?ttclid=x'],
  ['paid_search', '?yclid=x'],
  ['organic_search', '?ysclid=x', 'https://yandex.ru/'],
  ['display', '?dclid=x'],
  ['affiliates', '?irclickid=x', 'https://blog.example/'],
  ['affiliates', '?awc=1_2'],
  ['email', '?mc_cid=x'],
  ['organic_shopping', '?srsltid=x', 'https://www.google.com/'],
  ['ai', '?utm_source=chatgpt.com&srsltid=x'],
]
for (const [wanted, query, referrer] of cases) {
  test(`${query || 'no campaign'} from ${referrer ?? 'nowhere'} is ${wanted || 'no visit of its own'}`, () => {
    assert.equal(groupOf(query, referrer), wanted)
  })
}

test('a campaign without a referrer’s enrichment, and neither', () => {
  assert.equal(channelGroupOf({ ...noCampaign, medium: 'email' }, noReferrer), 'email')
  assert.equal(channelGroupOf({ ...noCampaign, medium: 'cpc' }, noReferrer), 'paid_other')
  assert.equal(channelGroupOf(noCampaign, noReferrer), '')
})
