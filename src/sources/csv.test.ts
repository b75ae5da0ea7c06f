import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readCsv } from './csv.ts'
import { maxRowBytes, type Row } from './row.ts'

async function* inChunks(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function rowsOf(text: string, size = 5): Promise<Row[]> {
  const rows: Row[] = []
  for await (const chunk of readCsv(inChunks(text, size))) rows.push(...chunk)
  return rows
}

/** Each row as its line number and its values, or its fault. */
async function valuesOf(text: string, size?: number): Promise<unknown[]> {
  return (await rowsOf(text, size)).map((row) => [
    row.line,
    row.kind === 'fields' ? row.fields.values : row.kind === 'bad' ? row.detail : row.kind,
  ])
}

describe('CSV rows', () => {
  it('have the names of the header and values that stay strings', async () => {
    const rows = await rowsOf('user_id,price,at\nu1,007,2024-03-13 10:21:14\nu2,,x\n')
    const [first, second] = rows
    assert.ok(first?.kind === 'fields' && second?.kind === 'fields')
    assert.deepEqual(first.fields.names, ['user_id', 'price', 'at'])
    assert.deepEqual(first.fields.values, ['u1', '007', '2024-03-13 10:21:14'])
    assert.equal(second.fields.get('price'), '')
    assert.equal(first.fields.names, second.fields.names, 'the rows share one array of names')
  })

  it('are the same with a byte order mark, with CRLF, with blank lines, without a last line end', async () => {
    const expected = [
      [2, ['1', '2']],
      [3, ['3', '4']],
    ]
    assert.deepEqual(await valuesOf('a,b\n1,2\n3,4\n'), expected)
    assert.deepEqual(await valuesOf('\uFEFFa,b\r\n1,2\r\n3,4'), expected)
    assert.deepEqual(await valuesOf('a,b\n1,2\n3,4\n\n\n', 1), expected)
  })

  it('may have quoted fields with commas, quotes and line ends in them', async () => {
    const text = 'a,b\n"x, y","say ""hi"""\n"two\nlines",z\n"",é\n'
    assert.deepEqual(await valuesOf(text, 1), [
      [2, ['x, y', 'say "hi"']],
      [4, ['two\nlines', 'z']],
      [5, ['', 'é']],
    ])
  })

  it('are bad with fewer or more fields than the header, and the rows around them are read', async () => {
    assert.deepEqual(await valuesOf('a,b\n1\n2,3\n4,5,6\n7,8\n'), [
      [2, 'the row has 1 fields, the header 2'],
      [3, ['2', '3']],
      [4, 'the row has 3 fields, the header 2'],
      [5, ['7', '8']],
    ])
  })

  it('have numbers in the columns that are said to hold them, and are bad where these hold a text', async () => {
    const rows: Row[] = []
    const text = 'a,price,b\n1,2.50,3\n4,,5\n6,n/a,7\n8, -1e3 ,9\n10,0x10,11\n12,Infinity,13\n'
    const huge = `14,${'9'.repeat(400)},15\n16,${'9'.repeat(200_000)}x,17\n`
    for await (const chunk of readCsv(inChunks(text + huge, 9), ['price'])) rows.push(...chunk)
    assert.deepEqual(
      rows.map((row) => (row.kind === 'fields' ? row.fields.values : row)),
      [
        ['1', 2.5, '3'],
        ['4', null, '5'],
        { kind: 'bad', line: 4, detail: 'no number in price' },
        ['8', -1000, '9'],
        { kind: 'bad', line: 6, detail: 'no number in price' },
        { kind: 'bad', line: 7, detail: 'no number in price' },
        { kind: 'bad', line: 8, detail: 'no number in price' },
        { kind: 'bad', line: 9, detail: 'no number in price' },
      ],
    )
    await assert.rejects(readCsv(inChunks(text, 9), ['price', 'prize']).next(), {
      code: 'broken',
      message: 'the header has no column prize',
    })
  })

  it('keep a stray quote as it stands', async () => {
    assert.deepEqual(await valuesOf('a,b\n5" disk,x\n"y"z,1\n2,3\n'), [
      [2, ['5" disk', 'x']],
      [3, ['"y"z', '1']],
      [4, ['2', '3']],
    ])
  })

  it('end with an error at a quote that never closes, after the rows before it', async () => {
    const rows: Row[] = []
    await assert.rejects(
      async () => {
        for await (const chunk of readCsv(inChunks('a,b\n1,2\n"3,4\n5,6\n', 4))) rows.push(...chunk)
      },
      { code: 'broken', message: /a quote is never closed, at or before line 4/ },
    )
    assert.equal(rows.length, 1)
  })

  it('end with an error at a row that is longer than the limit', async () => {
    const rows: Row[] = []
    const text = `a,b\n1,2\n"${'3,4\n5,6\n'.repeat(maxRowBytes / 4)}`
    await assert.rejects(
      async () => {
        for await (const chunk of readCsv(inChunks(text, 1 << 16))) rows.push(...chunk)
      },
      { code: 'broken', message: /a row is too long, or its quotes never close/ },
    )
    assert.equal(rows.length, 1)
  })

  it('give a field of the name __proto__ as data', async () => {
    const [row] = await rowsOf('__proto__,b\nx,y\n')
    assert.equal(row?.kind === 'fields' && row.fields.get('__proto__'), 'x')
  })

  it('are none in an empty file and in one with only a header', async () => {
    assert.deepEqual(await rowsOf(''), [])
    assert.deepEqual(await rowsOf('a,b\n'), [])
  })
})
