import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type * as Enrichments from '../../src/enrich/enrichment.ts'
import type * as Referrers from '../../src/enrich/referrer.ts'
import type * as Agents from '../../src/enrich/user-agent.ts'
import type * as Events from '../../src/events/event.ts'
import { type Sample, samplesIn } from './lists.ts'

/**
 * What the enrichment knows of public lists: `npm run samples -- FOLDER [--build CHECKOUT]`, where the folder holds clones of
 * the lists and the other checkout, built, is measured beside. Half of each list may be looked at while rules are
 * written; of the other half only the shares are ever printed.
 */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { build: { type: 'string' } } })
const [folder] = positionals
if (folder === undefined) throw new Error('npm run samples -- FOLDER [--build CHECKOUT]')

const samples = samplesIn(folder)
const ours = await judge(new URL('../../src/', import.meta.url))
const theirs = values.build === undefined ? undefined : await judge(pathToFileURL(`${resolve(values.build)}/dist/src/`))

/** Providers some of whose samples may be looked at. */
const open = new Set(samples.filter(({ text }) => isOpen(text)).map(key))
const heldOut = samples.filter((sample) => !open.has(key(sample)))
for (const list of new Set(samples.map((sample) => sample.list))) {
  const all = samples.filter((sample) => sample.list === list)
  const unseen = heldOut.filter((sample) => sample.list === list)
  const shares = [theirs, ours].flatMap((right) => (right === undefined ? [] : [share(unseen, right)]))
  console.log(`${list.padEnd(44)}${String(all.length).padStart(6)}${shares.join('')}`)
}

function key({ list, provider }: Sample): string {
  return `${list}: ${provider}`
}

function share(of: readonly Sample[], right: (sample: Sample) => boolean): string {
  const count = of.filter(right).length
  return `${`${count}/${of.length}`.padStart(14)}${`${((100 * count) / Math.max(of.length, 1)).toFixed(1)} %`.padStart(9)}`
}

/** FNV-1a of 32 bits decides. */
function isOpen(text: string): boolean {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return ((hash >>> 7) & 1) === 0
}

/** Whether the enrichment of a build says what the list says. */
async function judge(source: URL): Promise<(sample: Sample) => boolean> {
  const load = <T>(file: string): Promise<T> => import(new URL(file, source).href)
  const { Event } = await load<typeof Events>('events/event.js')
  const { compileAgent } = await load<typeof Agents>('enrich/user-agent.js')
  const { compileReferrer } = await load<typeof Referrers>('enrich/referrer.js')
  const { noCampaign } = await load<typeof Enrichments>('enrich/enrichment.js')
  const agentOf = compileAgent(true, true)
  const referrerOf = compileReferrer({ internalDomains: [] })
  return ({ text, wanted, list }) => {
    const event = new Event()
    if (/^(?:Matomo|Snowplow)/.test(list)) {
      event.referrer = text
      return referrerOf(event, noCampaign).class === wanted
    }
    event.userAgent = text
    const { device, bot } = agentOf(event)
    return wanted === 'no bot' ? !bot : device === wanted
  }
}
