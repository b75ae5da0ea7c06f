import type { OutRecord, RecordBatch } from '../events/log.ts'

/** Rules as they were deployed: a record of the rules topic. */
export interface Deployed {
  /** Content hash. */
  readonly policy: string
  /** The rules as JSON, as the table `policies` keeps them. */
  readonly text: string
  /** The version of beckon that deployed them. */
  readonly madeBy: string
}

/** Why a record of the rules topic is not taken. */
export class Refused {
  /**
   * `foreign`: it is not beckon's. `format`: it is of a later format. `damaged`: it is not what was deployed. `version`: this
   * version of beckon does not take the rules.
   */
  readonly reason: 'foreign' | 'format' | 'damaged' | 'version'
  /** In words for people. */
  readonly detail: string

  constructor(reason: Refused['reason'], detail: string) {
    this.reason = reason
    this.detail = detail
  }
}

/** A tombstone: nothing counts as deployed any more. */
export const withdrawn = 'withdrawn'
export type RulesRecord = Deployed | Refused | typeof withdrawn

export const rulesFormat = 1

const names = { format: 'beckon.format', policy: 'beckon.policy', version: 'beckon.version' } as const

/** The topic is compacted by its keys, the groups: so several may share one, and the newest rules of each remain. */
export function encodeRules(topic: string, group: string, { policy, text, madeBy }: Deployed): OutRecord {
  const headers = { [names.format]: String(rulesFormat), [names.policy]: policy, [names.version]: madeBy }
  return { topic, partition: 0, key: group, value: Buffer.from(text), headers }
}

/** @returns undefined for a record of another group */
export function decodeRules(batch: RecordBatch, i: number, group: string): RulesRecord | undefined {
  if (String(batch.key(i)) !== group) return undefined
  const value = batch.value(i)
  if (value === null) return withdrawn
  const headers = new Map(batch.headers(i).map(({ name, value: text }) => [name, String(text)]))
  const format = headers.get(names.format)
  if (format === undefined) return new Refused('foreign', 'the newest record of this group is not of beckon')
  // Whoever may write to the topic wrote them, and they go to the log.
  const [policy, madeBy] = [tidy(headers.get(names.policy)), tidy(headers.get(names.version))]
  if (format !== String(rulesFormat)) {
    return new Refused('format', `beckon ${madeBy} wrote it in format ${format}, and this one reads ${rulesFormat}`)
  }
  return { policy, text: String(value), madeBy }
}

const tidy = (text = '') => text.replaceAll(/[^\w.+-]/g, '').slice(0, 40)
