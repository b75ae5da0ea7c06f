import UAParser from 'my-ua-parser'
import type { Event } from '../events/event.ts'
import { isBotAgent } from './bot-agent.ts'
import { deviceOf } from './device.ts'
import { type Agent, noAgent } from './enrichment.ts'
import { memo } from './memo.ts'
import { compilePropertyFinder } from './property-finder.ts'

const maxAgents = 10_000
const maxUserAgentChars = 1000

/**
 * The event's agent. `bot` is true if either signal says so: the user agent (isbot's list), or the producer (property `bot`
 * or `is_bot`).
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
  const isBot = bot && isBotAgent(text)
  if (!userAgent) return isBot ? Object.freeze({ ...noAgent, device: 'bot', bot: true }) : noAgent
  const { browser, device, os } = UAParser(text)
  return Object.freeze({
    device: isBot ? 'bot' : deviceOf(text, device.type, os.name),
    deviceVendor: device.vendor ?? '',
    deviceModel: device.model ?? '',
    browser: browser.name ?? '',
    browserVersion: browser.version ?? '',
    os: os.name ?? '',
    osVersion: os.version ?? '',
    bot: isBot,
  })
}

function saysYes(value: unknown): boolean {
  return value === true || value === 1 || value === 'true'
}
