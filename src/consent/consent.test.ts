import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allChannels, type Consent, mayBeAddressed, mergeConsent, noConsent } from './consent.ts'

type Statement = readonly [purpose: string, channel: string, given: boolean, timeMs: number]

const merged = (statements: readonly Statement[], from: Consent = noConsent) =>
  statements.reduce<Consent>((consent, [purpose, channel, given, timeMs]) => {
    return mergeConsent(consent, { purpose, channel, given, timeMs }) ?? assert.fail('there is room')
  }, from)

const all = allChannels

test('what was never said is no, also for a purpose of which other channels are known', () => {
  assert.equal(mayBeAddressed(noConsent, 'news', 'email'), false)
  const consent = merged([['news', 'email', true, 1]])
  assert.equal(mayBeAddressed(consent, 'news', 'email'), true)
  assert.equal(mayBeAddressed(consent, 'news', 'sms'), false)
  assert.equal(mayBeAddressed(consent, 'news', all), false, 'an action without a channel needs consent for all')
  assert.equal(mayBeAddressed(consent, 'surveys', 'email'), false)
})

test('the latest statement holds, whether it is of one channel or of all', () => {
  const of = (...statements: Statement[]) => {
    const consent = merged(statements)
    return ['email', 'sms', all].map((channel) => mayBeAddressed(consent, 'news', channel))
  }
  assert.deepEqual(of(['news', all, true, 1], ['news', 'email', false, 2]), [false, true, true])
  assert.deepEqual(of(['news', 'email', false, 2], ['news', all, true, 3]), [true, true, true])
  assert.deepEqual(of(['news', 'email', true, 2], ['news', all, false, 3]), [false, false, false])
  assert.deepEqual(of(['news', all, false, 3], ['news', 'email', true, 2]), [false, false, false])
  assert.deepEqual(of(['news', 'email', true, 3], ['news', all, false, 2]), [true, false, false])
})

test('within one ms the statement that comes last holds', () => {
  const atOnce = (...said: (readonly [channel: string, given: boolean])[]) =>
    mayBeAddressed(merged(said.map(([channel, given]) => ['news', channel, given, 5])), 'news', 'email')
  assert.equal(atOnce(['email', true], ['email', false]), false)
  assert.equal(atOnce(['email', false], ['email', true]), true)
  assert.equal(atOnce(['email', true], [all, false]), false)
  assert.equal(atOnce([all, false], ['email', true]), true)
  assert.equal(atOnce(['email', true], ['email', false], ['email', true], ['email', false]), false)
})

test('in whatever order statements of different times come, the same holds', () => {
  const statements: Statement[] = [
    ['news', all, true, 1],
    ['news', 'email', false, 2],
    ['news', all, true, 3],
    ['news', 'sms', false, 4],
    ['news', 'email', true, 5],
  ]
  const orders = (rest: Statement[]): Statement[][] =>
    rest.length === 0 ? [[]] : rest.flatMap((one, i) => orders(rest.toSpliced(i, 1)).map((more) => [one, ...more]))
  for (const order of orders(statements)) assert.deepEqual(merged(order), merged(statements))
})

test('a statement that is superseded changes nothing, and no statement changes what was there in place', () => {
  const before = merged([['news', 'email', true, 5]])
  assert.equal(merged([['news', 'email', false, 4]], before), before)
  merged([['news', all, false, 6]], before)
  assert.equal(mayBeAddressed(before, 'news', 'email'), true)
})

test('where there is no room left, consent can be withdrawn but not given', () => {
  const channels = Array.from({ length: 199 }, (_, i): Statement => ['news', `channel_${i}`, true, 1])
  const full = merged([...channels, ['surveys', all, true, 1]])
  assert.equal(mergeConsent(full, { purpose: 'new', channel: all, given: true, timeMs: 2 }), undefined)
  assert.equal(mergeConsent(full, { purpose: 'new', channel: all, given: false, timeMs: 2 }), full)
  assert.equal(mayBeAddressed(merged([['news', 'channel_7', false, 2]], full), 'news', 'channel_7'), false)
  const withdrawn = merged([['surveys', 'email', false, 2]], full)
  assert.equal(mayBeAddressed(withdrawn, 'surveys', 'email'), false, 'of one channel: of all of them')
})
