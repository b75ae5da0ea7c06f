import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, Properties, type Value } from '../events/event.ts'
import { noAgent } from './enrichment.ts'
import { compileAgent } from './user-agent.ts'

const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
const googlebotPhone =
  'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

function event(userAgent: string, properties: Record<string, Value> = {}): Event {
  const made = new Event()
  made.userAgent = userAgent
  made.properties = new Properties(Object.keys(properties), Object.values(properties))
  return made
}

test('a user agent gives device, browser and system', () => {
  const agentOf = compileAgent(true, true)
  const cases: [userAgent: string, wanted: string][] = [
    [chrome, 'desktop||Chrome 126.0.0.0|Windows 10'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
      'mobile|Apple iPhone|Mobile Safari 17.5|iOS 17.5',
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
      'tablet|Apple iPad|Mobile Safari 16.6|iOS 16.6',
    ],
    [
      'Mozilla/5.0 (Linux; Android 12; Pixel 6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.42',
      'mobile|Google Pixel 6|WeChat 8.0.42|Android 12',
    ],
    [
      'Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) TV Safari/537.36',
      'tv||Safari|Tizen 6.0',
    ],
    [
      'Mozilla/5.0 (PlayStation 5 3.03/SmartTV) AppleWebKit/605.1.15 (KHTML, like Gecko)',
      'console||WebKit 605.1.15|PlayStation 5',
    ],
    ['MyShop/77 CFNetwork/1474 Darwin/23.0.0', 'mobile|||iOS'],
    ['Mozilla/5.0 Gecko/20100115 Firefox/3.6', 'other||Firefox 3.6|'],
    [googlebotPhone, 'bot|LG Nexus 5|Chrome 126.0.0.0|Android 6.0.1'],
    ['curl/8.5.0', 'bot|||'],
  ]
  for (const [userAgent, wanted] of cases) {
    const a = agentOf(event(userAgent))
    const join = (...words: string[]) => words.join(' ').trim()
    assert.equal(
      [a.device, join(a.deviceVendor, a.deviceModel), join(a.browser, a.browserVersion), join(a.os, a.osVersion)].join(
        '|',
      ),
      wanted,
      userAgent,
    )
    assert.equal(a.bot, a.device === 'bot', userAgent)
  }
})

test('an event with no user agent has no agent', () => {
  assert.equal(compileAgent(true, true)(event('')), noAgent)
})

test('a user agent that comes again gives the same object', () => {
  const agentOf = compileAgent(true, true)
  assert.equal(agentOf(event(chrome)), agentOf(event(chrome)))
})

test('an endless user agent is cut, not refused', () => {
  const agentOf = compileAgent(true, true)
  const long = `${chrome} ${'x'.repeat(100_000)}`
  assert.equal(agentOf(event(long)).browser, 'Chrome')
  assert.equal(agentOf(event(long)), agentOf(event(`${long}y`)))
})

test('any one signal makes a bot, and none unmakes it', () => {
  const agentOf = compileAgent(true, true)
  const cases: [userAgent: string, properties: Record<string, Value>, bot: boolean][] = [
    [chrome, {}, false],
    [chrome, { plan: 'pro', bot: true }, true],
    [chrome, { is_bot: 'true' }, true],
    ['', { bot: 1 }, true],
    [chrome, { bot: false }, false],
    [chrome, { bot: 'no' }, false],
    [chrome, { bot: true, is_bot: false }, true],
    [googlebotPhone, { bot: false, is_bot: false }, true],
  ]
  for (const [userAgent, properties, bot] of cases) {
    const agent = agentOf(event(userAgent, properties))
    assert.deepEqual([agent.bot, agent.device === 'bot'], [bot, bot], JSON.stringify(properties))
  }
  assert.equal(agentOf(event(chrome, { bot: true })).browser, 'Chrome')
})

test('device and bot are switched off apart', () => {
  assert.equal(compileAgent(false, false)(event(googlebotPhone)), noAgent)
  assert.deepEqual(compileAgent(false, true)(event(googlebotPhone)), { ...noAgent, device: 'bot', bot: true })
  assert.equal(compileAgent(false, true)(event(chrome)), noAgent)
  const parsed = compileAgent(true, false)(event(googlebotPhone, { bot: true }))
  assert.deepEqual([parsed.device, parsed.bot], ['mobile', false])
})
