import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AvroRecord, parseAvroSchema } from './avro-schema.ts'
import { Rejected } from './rejected.ts'

const record = (fields: unknown, more: object = {}): string =>
  JSON.stringify({ type: 'record', name: 'R', fields, ...more })

const parsed = (text: string, references?: readonly string[]): AvroRecord => {
  const schema = parseAvroSchema(text, references)
  assert.ok(!(schema instanceof Rejected), (schema as Rejected).detail)
  return schema
}

test('a schema that is invalid or could do harm is refused before anything is made from it', () => {
  const nested = (depth: number): unknown => {
    let type: unknown = 'int'
    for (let i = 0; i < depth; i++) type = { type: 'array', items: type }
    return type
  }
  const cases: Record<string, string> = {
    'not JSON': '{',
    'not a record': '"string"',
    'a name that does not exist': record([{ name: 'a', type: 'Elsewhere' }]),
    'no type': record([{ name: 'a' }]),
    'fields that are no list': record({}),
    '100,000 fields': record(Array.from({ length: 100_000 }, (_, i) => ({ name: `f${i}`, type: 'int' }))),
    '2,001 fields': record(Array.from({ length: 2001 }, (_, i) => ({ name: `f${i}`, type: 'int' }))),
    'more than 256 KiB': record([{ name: 'a', type: 'int', doc: 'x'.repeat(256 * 1024) }]),
    'nested 33 deep': record([{ name: 'a', type: nested(33) }]),
    'nested 20,000 deep': `${'{"type":'.repeat(20_000)}"int"${'}'.repeat(20_000)}`,
    'a field that is code': record([{ name: 'a;process.exit()', type: 'int' }]),
    'the same field twice': record([
      { name: 'a', type: 'int' },
      { name: 'a', type: 'int' },
    ]),
    'the same type twice': record([{ name: 'a', type: { type: 'fixed', name: 'R', size: 1 } }]),
    'a union in a union': record([{ name: 'a', type: ['null', ['int', 'string']] }]),
    'an empty union': record([{ name: 'a', type: [] }]),
    'a fixed of 2 GiB': record([{ name: 'a', type: { type: 'fixed', name: 'F', size: 2 ** 31 } }]),
    'an enum without symbols': record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: [] } }]),
  }
  for (const [name, text] of Object.entries(cases)) {
    const schema = parseAvroSchema(text)
    assert.ok(schema instanceof Rejected && schema.reason === 'bad_schema', name)
  }
})

test('a named type is one object, in its namespace and by its full name, and may contain itself', () => {
  const { fields } = parsed(
    record(
      [
        { name: 'a', type: { type: 'fixed', name: 'Id', size: 4 } },
        { name: 'b', type: 'Id' },
        { name: 'c', type: ['null', 'shop.Id'], aliases: ['old_c'] },
        { name: 'd', type: ['null', 'R'] },
      ],
      { namespace: 'shop' },
    ),
  )
  const [a, b, c, d] = fields.map((field) => field.schema)
  assert.equal(a, b)
  assert.ok(c?.kind === 'union' && c.branches[1] === a)
  assert.ok(d?.kind === 'union' && d.branches[1]?.kind === 'record' && d.branches[1].fields === fields)
  assert.deepEqual(fields[2]?.aliases, ['old_c'])
})

test('a name with a dot is a full name, whatever namespace it is in', () => {
  const foo = (namespace: string, type: string) => ({
    ...{ type: 'record', name: 'Foo', namespace },
    fields: [{ name: 'n', type }],
  })
  const of = (z: string) =>
    record(
      [
        { name: 'x', type: foo('b', 'long') },
        { name: 'y', type: foo('a.b', 'string') },
        { name: 'z', type: z },
      ],
      { namespace: 'a' },
    )
  const [x, y, z] = parsed(of('b.Foo')).fields.map((field) => field.schema)
  assert.equal(z, x)
  assert.notEqual(z, y)
  assert.equal(parsed(of('a.b.Foo')).fields[2]?.schema.kind, 'record')
  const missing = parseAvroSchema(
    record(
      [
        { name: 'y', type: foo('a.b', 'string') },
        { name: 'z', type: 'b.Foo' },
      ],
      { namespace: 'a' },
    ),
  )
  assert.ok(missing instanceof Rejected && missing.reason === 'bad_schema')
})

test('names follow the specification, and an alias may be any text', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', '_']
  const symbols = { type: 'enum', name: 'hasOwnProperty', symbols: names }
  const inner = { type: 'record', name: 'constructor', namespace: '__proto__', fields: [{ name: 'a', type: symbols }] }
  const aliases = ['user-plan', 'user.plan', '', '1st', 'é', '__proto__']
  const { fields } = parsed(
    record([...names.map((name) => ({ name, type: 'int', aliases })), { name: 'of', type: [inner, 'null'] }]),
  )
  assert.deepEqual(
    fields.map(({ name }) => name),
    [...names, 'of'],
  )
  assert.deepEqual(fields[0]!.aliases, aliases)
  for (const name of ['', '1st', 'é', 'user-plan', 'a..b', '.']) {
    const schema = parseAvroSchema(record([{ name, type: 'int' }]))
    assert.ok(schema instanceof Rejected && schema.reason === 'bad_schema', name)
  }
})

test('types of referenced schemas are known', () => {
  const address = JSON.stringify({
    type: 'record',
    name: 'Address',
    namespace: 'crm',
    fields: [{ name: 'city', type: 'string' }],
  })
  const { fields } = parsed(record([{ name: 'home', type: 'crm.Address' }]), [address])
  assert.equal(fields[0]?.schema.kind, 'record')
})

test('a logical type counts only on what it is defined for', () => {
  const logicalOf = (type: object) =>
    (parsed(record([{ name: 'a', type }])).fields[0]!.schema as { logical?: unknown }).logical
  assert.deepEqual(logicalOf({ type: 'long', logicalType: 'timestamp-micros' }), { as: 'time', unit: 'us' })
  assert.deepEqual(logicalOf({ type: 'int', logicalType: 'date' }), { as: 'time', unit: 'day' })
  assert.deepEqual(logicalOf({ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }), {
    as: 'decimal',
    scale: 2,
  })
  assert.equal(logicalOf({ type: 'string', logicalType: 'timestamp-millis' }), undefined)
  assert.equal(logicalOf({ type: 'bytes', logicalType: 'decimal', scale: -1 }), undefined)
  assert.equal(logicalOf({ type: 'string', logicalType: 'uuid' }), undefined)
})
