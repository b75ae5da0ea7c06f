import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list } from 'isbot'
import { isBotAgent, notOfApps } from './bot-agent.ts'

const apps = [
  'MyShop/3.2 (Android 13; Pixel 7) okhttp/4.9.1',
  'MyShop/3.2 okhttp/4.9.1',
  'com.shop.app/3.1 (Linux; U; Android 14; en_GB; Pixel 8; Build/AP1A) gzip',
  'MyShop/77 CFNetwork/1474 Darwin/23.0.0',
  'MyShop 1.2 (iPhone; iOS 17.5; en_GB) Alamofire/5.8 (https://shop.example)',
  'Shop News/5.1 (be.example.news; build:6; Android 10; Sdk:29; Manufacturer:samsung; Model: SM-J600FN) OkHttp/4.9.1',
  'GM-Android/15.25.4 (253450400; M:samsung SM-A546V; O:36) ObsoleteUrlFactory/1.0 OkHttp/4.11.0',
  'Dalvik/2.1.0 (Linux; U; Android 12; SM-G991B Build/SP1A.210812.016)',
]
for (const text of apps) test(`an app: ${text}`, () => assert.equal(isBotAgent(text), false))

const bots = [
  'okhttp/4.9.1',
  'okhttp/3.12.1 (Android 10)',
  'curl/8.5.0',
  'python-requests/2.31',
  'axios/1.6.8',
  'Java/17.0.1',
  'ShopCrawler/1.0 (Android 13) okhttp/4.9.1',
  'PriceBot/2.0 okhttp/4.9.1',
  'UptimeMonitor/1.0 CFNetwork/1474 Darwin/23.0.0',
  'Googlebot-Image/1.0',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; +Claude-User@anthropic.com)',
  'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)',
  'meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)',
  'Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)',
  'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
]
for (const text of bots) test(`a bot: ${text}`, () => assert.equal(isBotAgent(text), true))

test('each pattern that does not apply to apps is one of isbot’s', () => {
  assert.deepEqual(
    notOfApps.filter((pattern) => !list.includes(pattern)),
    [],
  )
})
