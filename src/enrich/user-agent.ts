import { isbot } from 'isbot'
import UAParser from 'my-ua-parser'
import type { Event } from '../events/event.ts'
import { type Agent, type Device, noAgent } from './enrichment.ts'
import { memo } from './memo.ts'
import { compilePropertyFinder } from './property-finder.ts'

const maxAgents = 10_000
const maxUserAgentChars = 1000

const deviceByType: Readonly<Record<string, Device>> = {
  mobile: 'mobile',
  tablet: 'tablet',
  smarttv: 'tv',
  wearable: 'wearable',
  console: 'console',
  embedded: 'other',
}

/** Systems that are no desktop's, for user agents that name a system and no kind of device (apps, mostly). */
const deviceByOs: Readonly<Record<string, Device>> = {
  iOS: 'mobile',
  Android: 'mobile',
  HarmonyOS: 'mobile',
  KaiOS: 'mobile',
  'Windows Phone': 'mobile',
  'Windows Mobile': 'mobile',
  BlackBerry: 'mobile',
  Symbian: 'mobile',
  watchOS: 'wearable',
  Tizen: 'tv',
  webOS: 'tv',
  PlayStation: 'console',
  Nintendo: 'console',
  Xbox: 'console',
}

/**
 * The event's agent. `bot` is an OR over signals, so that none of them can cancel another: the user agent (isbot's
 * list) and what the producer says (property `bot` or `is_bot`).
 */
export function compileAgent(userAgent: boolean, bot: boolean): (event: Event) => Agent {
  if (!userAgent && !bot) return () => noAgent
  const agentOf = memo(maxAgents, (text) => parse(text, userAgent, bot))
  const findFlags = compilePropertyFinder(['bot', 'is_bot'])

  return (event) => {
    const text = event.userAgent
    const agent =
      text === '' ? noAgent : agentOf(text.length > maxUserAgentChars ? text.slice(0, maxUserAgentChars) : text)
    if (!bot || agent.bot) return agent
    const flags = findFlags(event.properties)
    return flags?.some((at) => saysYes(event.properties.values[at])) ? { ...agent, device: 'bot', bot: true } : agent
  }
}

function parse(text: string, userAgent: boolean, bot: boolean): Agent {
  const isBot = bot && isbot(text)
  if (!userAgent) return isBot ? Object.freeze({ ...noAgent, device: 'bot', bot: true }) : noAgent
  const { browser, device, os } = UAParser(text)
  return Object.freeze({
    device: isBot ? 'bot' : deviceOf(device.type, os.name),
    deviceVendor: device.vendor ?? '',
    deviceModel: device.model ?? '',
    browser: browser.name ?? '',
    browserVersion: browser.version ?? '',
    os: os.name ?? '',
    osVersion: os.version ?? '',
    bot: isBot,
  })
}

/** Consoles call themselves TVs, so their system decides; a system known for no other device is a desktop's. */
function deviceOf(type: string | undefined, os: string | undefined): Device {
  const byOs = os === undefined ? undefined : deviceByOs[os]
  if (byOs === 'console') return byOs
  if (type !== undefined) return deviceByType[type] ?? 'other'
  return byOs ?? (os === undefined ? 'other' : 'desktop')
}

function saysYes(value: unknown): boolean {
  return value === true || value === 1 || value === 'true'
}
