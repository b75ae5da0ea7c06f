import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from './load.ts'
import { typeHints } from './type-hints.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-hints-'))
after(() => rmSync(folder, { recursive: true }))

function hintsOf(types: readonly (object | undefined)[], rules: object): string[] {
  const file = join(folder, 'beckon.yaml')
  const mapping = { customer: 'uid', type: 'what', time: 'at' }
  const topics = types.map((renames, i) => {
    return { name: `t${i}`, format: 'json', mapping: renames === undefined ? mapping : { ...mapping, types: renames } }
  })
  const servers = { kafka: { brokers: ['localhost:9092'] }, clickhouse: { url: 'http://localhost:8123' } }
  writeFileSync(file, JSON.stringify({ ...servers, topics, ...rules }))
  return typeHints(loadConfig(file, {}).config).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const counting = (where: string) => ({ features: [{ name: 'n', count: {}, where, window: 'lifetime' }] })

test('a type that is close to the one a rule names is reported, wherever the rule names it', () => {
  const told = ['topics.0.mapping.types.buy: no rule names the type purchas; did you mean purchase?']
  const window = 'lifetime'
  const rules: readonly object[] = [
    counting('type == "purchase"'),
    counting('"purchase" != type && bot'),
    counting('type in ["view", "purchase"]'),
    { features: [{ name: 'n', sum: 'type == "purchase" ? 1 : 0', window }] },
    { features: [{ name: 'n', funnel: ['type == "view"', 'type == "purchase"'], within: '1h', window }] },
    { actions: [{ name: 'a', when: 'type == "purchase"' }] },
    { actions: [{ name: 'a', on: { absent: 'purchase', after: 'view', for: '1h' }, when: 'true' }] },
  ]
  for (const rule of rules) assert.deepEqual(hintsOf([{ buy: 'purchas' }], rule), told, JSON.stringify(rule))
  assert.deepEqual(hintsOf([{ buy: 'purchase' }], rules[0]!), [])
  // Nothing is nearly called so: a rule need not name every type.
  assert.deepEqual(hintsOf([{ buy: 'order' }], rules[0]!), [])
})

test('a rule that names a type that every topic renames is reported', () => {
  const rules = counting('type == "buy"')
  const told = ['features.0.where: no event has the type buy: the mapping renames it to purchase or order']
  assert.deepEqual(hintsOf([{ buy: 'purchase' }, { buy: 'order' }], rules), told)
  assert.deepEqual(hintsOf([{ buy: 'purchase' }, { buy: 'order' }, undefined], rules), [])
  assert.deepEqual(hintsOf([{ buy: 'purchase', kauf: 'buy' }], rules), [])
})
