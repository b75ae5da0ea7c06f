import type { Case } from '../cases/case.ts'
import type { Cases } from '../cases/cases.ts'
import type { RowBuffer } from '../store/row-binary.ts'
import type { Profile } from './profile.ts'
import { type StateReader, writeNumber } from './state-values.ts'

const texts = ['id', 'action', 'treatment', 'channel', 'group', 'purpose', 'arm', 'policy', 'failure'] as const
const numbers = [
  'timeMs',
  'endMs',
  'probability',
  'score',
  'deliveredMs',
  'impressionMs',
  'clickMs',
  'goalMs',
  'conversionMs',
  'rejectionMs',
  'failureMs',
  'value',
  'valueMs',
  'revision',
] as const
const flags = ['hasGoal', 'isOver'] as const

/** What came of the customer's actions. */
export const caseSection = {
  id: 1,
  isEmpty: ({ cases }: Profile) => cases.length === 0,
  write: (out: RowBuffer, { cases }: Profile) => writeCases(out, cases),
  read: (reader: StateReader, profile: Profile) => {
    profile.cases = readCases(reader)
  },
}

function writeCases(out: RowBuffer, cases: Cases): void {
  out.varint(cases.length)
  for (const one of cases) {
    for (const key of texts) out.string(one[key])
    for (const key of numbers) writeNumber(out, one[key])
    for (const key of flags) out.bool(one[key])
    out.varint(one.tags.length)
    for (const tag of one.tags) out.string(tag)
  }
}

function readCases(reader: StateReader): Cases {
  const cases: Case[] = []
  for (let n = reader.varint(); n > 0; n--) {
    const one: Record<string, unknown> = {}
    for (const key of texts) one[key] = reader.string()
    for (const key of numbers) one[key] = reader.number()
    for (const key of flags) one[key] = reader.u8() === 1
    const tags: string[] = []
    for (let m = reader.varint(); m > 0; m--) tags.push(reader.string())
    cases.push({ ...one, tags } as unknown as Case)
  }
  return cases
}
