import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowBuffer } from '../../store/row-binary.ts'
import { differences, readRows } from './row-values.ts'

const columns = {
  name: 'String',
  at: 'DateTime64(3)',
  big: 'UInt64',
  lists: 'Array(Float64)',
  texts: 'Array(LowCardinality(String))',
  maybe: 'Nullable(Float64)',
  map: 'Map(String, String)',
  done: 'Bool',
}

function row(name: string, number: number): Buffer {
  const out = new RowBuffer(64)
  out.string(name)
  out.dateTime64(1_700_000_000_123)
  out.u64(2 ** 40 + 1)
  out.varint(2)
  out.f64(number)
  out.f64(Number.NaN)
  out.varint(1)
  out.string('é')
  out.nullableF64(Number.NaN)
  out.varint(1)
  out.string('k')
  out.string('v'.repeat(200))
  out.bool(true)
  out.endRow()
  return out.take().bytes
}

test('rows are read as they were written, column by column', () => {
  const rows = readRows(Buffer.concat([row('a', 1.5), row('b', 2)]), columns)
  assert.equal(rows.length, 2)
  const values = Object.fromEntries([...rows[0]!].map(([name, { value }]) => [name, value]))
  assert.deepEqual(values, {
    name: 'a',
    at: 1_700_000_000_123,
    big: 2 ** 40 + 1,
    lists: [1.5, Number.NaN],
    texts: ['é'],
    maybe: null,
    map: new Map([['k', 'v'.repeat(200)]]),
    done: true,
  })
  assert.deepEqual(differences(rows[0]!, rows[1]!), ['name', 'lists'])
  assert.deepEqual(differences(rows[0]!, rows[0]!), [])
})

test('bytes that are no such rows, and types that it does not know, are refused', () => {
  assert.throws(() => readRows(row('a', 1).subarray(0, -1), columns), RangeError)
  assert.throws(() => readRows(Buffer.alloc(1), { x: 'Decimal(3)' }), /no reader for the type/)
})
