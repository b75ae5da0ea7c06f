import type { ChannelGroup } from './enrichment.ts'

/**
 * What kind of click each network marks. Most mark only advertisements. Meta marks every outgoing link, paid or not, so its
 * mark does not prove that the click was paid for: the campaign's medium has to say so.
 */
const groups = {
  Google: 'paid_search',
  'Google Display': 'display',
  'Google Merchant': 'organic_shopping',
  Microsoft: 'paid_search',
  Yandex: 'paid_search',
  'Yandex Search': 'organic_search',
  Baidu: 'paid_search',
  Meta: 'organic_social',
  Instagram: 'organic_social',
  TikTok: 'paid_social',
  X: 'paid_social',
  LinkedIn: 'paid_social',
  Pinterest: 'paid_social',
  Snapchat: 'paid_social',
  Reddit: 'paid_social',
  Quora: 'paid_social',
  Tencent: 'paid_social',
  Taboola: 'paid_other',
  Outbrain: 'paid_other',
  Impact: 'affiliates',
  CJ: 'affiliates',
  Awin: 'affiliates',
  ShareASale: 'affiliates',
  Tradedoubler: 'affiliates',
  Rakuten: 'affiliates',
  Mailchimp: 'email',
  Klaviyo: 'email',
} as const satisfies Record<string, ChannelGroup>

export type Network = keyof typeof groups

export const groupByNetwork: ReadonlyMap<string, ChannelGroup> = new Map(Object.entries(groups))
