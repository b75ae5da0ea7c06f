import type { Checkpoint } from '../../src/journal/checkpoint.ts'
import type { JournalEntry } from '../../src/journal/journal.ts'
import type { Deployed } from '../../src/rules/deployed.ts'

/** What the golden files of the present formats hold: something in every field. `profile.ts` makes the profile. */

export const journalEntry: JournalEntry = {
  topic: 'clicks.v1',
  partition: 3,
  first_offset: 4_294_967_296,
  next_offset: 4_294_967_301,
  now: 1_700_000_000_123,
  policy: 'c0ffee00c0ffee00c0ffee00c0ffee00',
  models: { churn: 'v7' },
  digest: '0123456789abcdef0123456789abcdef',
  clock: 1_700_000_000_000,
  fired: ['ada', 'Žofie'],
  refolded: ['bob'],
  position: 8_589_934_592,
  settings: 'feed0000feed0000feed0000feed0000',
  rejected: 2,
  quarantined: [4_294_967_297, 4_294_967_300],
  quarantined_timers: ['1700000000000 ada'],
}

export const checkpoint: Checkpoint = {
  offsets: { 'clicks.v1': 4_294_967_301, orders: 7 },
  clockMs: 1_700_000_000_123,
  digest: '0123456789abcdef0123456789abcdef',
  journalOffset: 99,
  partitions: 6,
  moved: { from: 4, position: 8_589_934_592, takenBefore: { 'clicks.v1': 4_294_967_301 } },
  move: { to: 8, ownFrom: { 'clicks.v1': 4_294_967_301, orders: 7 }, position: 8_589_935_000 },
}

export const deployed: Deployed = {
  policy: 'c0ffee00c0ffee00c0ffee00c0ffee00',
  text: '{"features":[],"actions":[],"arbitration":{},"enrich":{"session":{"idle":1800000}}}',
  madeBy: '0.1.0',
}
