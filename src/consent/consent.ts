/**
 * What a customer has said about being addressed: for a purpose, by a channel or by all of them. What they never said is no.
 * It is replaced with each statement, and never changed in place.
 */
export type Consent = ReadonlyMap<string, Purpose>

/** By channel; what was said of all of them is under `allChannels`. It is never later than what is said of one of them. */
export type Purpose = ReadonlyMap<string, Said>

export interface Said {
  readonly given: boolean
  /** When it was said; ms. */
  readonly timeMs: number
}

export interface ConsentChange extends Said {
  readonly purpose: string
  /** `allChannels`, or the one that it is about. */
  readonly channel: string
}

/** Most customers have said nothing, so this is shared. */
export const noConsent: Consent = new Map()

export const allChannels = ''

const nothingSaid: Purpose = new Map()

/** The most purposes and channels in a profile, counted in pairs. */
const maxPairs = 200

/** May the customer be addressed for the purpose by the channel? Where none is named, only what holds for all of them counts. */
export function mayBeAddressed(consent: Consent, purpose: string, channel: string): boolean {
  const said = consent.get(purpose)
  if (said === undefined) return false
  return (said.get(channel) ?? said.get(allChannels))?.given === true
}

/**
 * Merges a statement. The one with the latest time holds, of all channels or of the one asked for; within one ms the one that
 * comes last, so statements are to be merged in the order of the journal.
 * @returns the same object where a later statement holds already; undefined where there is no room to give consent. There is
 *   always room to withdraw it: of the whole purpose, if need be
 */
export function mergeConsent(consent: Consent, change: ConsentChange): Consent | undefined {
  const { purpose, channel, given, timeMs } = change
  const before = consent.get(purpose) ?? nothingSaid
  const holds = before.get(channel) ?? before.get(allChannels)
  if (holds !== undefined && timeMs < holds.timeMs) return consent
  if (!before.has(channel) && countPairs(consent) >= maxPairs) {
    if (given) return undefined
    if (channel !== allChannels) return mergeConsent(consent, { ...change, channel: allChannels })
    if (before.size === 0) return consent
  }
  const isOver = (said: Said) => channel === allChannels && said.timeMs <= timeMs
  const after = new Map([...before].filter(([, said]) => !isOver(said)))
  return new Map(consent).set(purpose, after.set(channel, { given, timeMs }))
}

function countPairs(consent: Consent): number {
  let pairs = 0
  for (const purpose of consent.values()) pairs += purpose.size
  return pairs
}
