import assert from 'node:assert/strict'
import { noAgent, noCampaign, noGeo, noReferrer } from '../enrich/enrichment.ts'
import { noSession } from '../enrich/session.ts'
import { Event, Properties, type Value } from '../events/event.ts'
import { Profile } from '../profiles/profile.ts'
import type { FeatureDeclaration } from './declaration.ts'
import { compileFeatures, type FeatureSet, updateFeatures } from './features.ts'
import type { Moment } from './moment.ts'

/** Features folded without the rest of the pipeline, for tests. */

export const gapMs = 1_800_000

/** An event as tests state it; `value` is its property `v`, `trait` its trait `timezone`. */
export interface Fact {
  readonly timeMs: number
  readonly type: string
  readonly value: Value
  readonly id?: string
  readonly timezone?: string
  readonly trait?: string
}

export function compile(declarations: readonly FeatureDeclaration[], sessionGapMs = gapMs): FeatureSet {
  return compileFeatures(declarations, sessionGapMs, (_feature, _path, fault) => assert.fail(fault as Error))
}

/** @returns whether the fact was late */
export function fold(set: FeatureSet, profile: Profile, fact: Fact, lateBy = new Map<string, number>()): boolean {
  const event = new Event()
  event.type = fact.type
  event.timeMs = fact.timeMs
  event.id = fact.id ?? ''
  event.timezone = fact.timezone ?? ''
  event.properties = new Properties(['v'], [fact.value])
  if (fact.trait !== undefined) event.traits = new Properties(['timezone'], [fact.trait])
  profile.streamTimeMs = Math.max(profile.streamTimeMs, fact.timeMs)
  const moment: Moment = {
    event,
    enrichment: { agent: noAgent, campaign: noCampaign, referrer: noReferrer, channelGroup: '' as const, geo: noGeo },
    session: noSession(),
    traits: profile.traits,
    groups: profile.groups,
    notReady: profile.notReady,
    asOfMs: profile.streamTimeMs,
  }
  return updateFeatures(set, profile.groups, moment, profile.streamTimeMs, lateBy)
}

export function foldAll(set: FeatureSet, facts: readonly Fact[]): Profile {
  const profile = new Profile('c')
  for (const fact of facts) fold(set, profile, fact)
  return profile
}

export function read(
  set: FeatureSet,
  { groups, notReady, session, traits, streamTimeMs }: Profile,
  asOfMs = streamTimeMs,
): Record<string, Value | undefined> {
  const moment = { groups, notReady, session, traits, asOfMs }
  return Object.fromEntries(set.features.map((feature) => [feature.name, feature.read(moment)]))
}
