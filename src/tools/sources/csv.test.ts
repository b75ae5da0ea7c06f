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

  it('end with CRLF, LF or CR, each row with its own, wherever a piece of the file ends', async () => {
    const rows = ['a,b', '1,2', '3,"4"', '"5\r6",7', '"8\r\n9","10\n11"', '12,13']
    const lines = [2, 3, 5, 8, 9]
    const values = [['1', '2'], ['3', '4'], ['5\r6', '7'], ['8\r\n9', '10\n11'], ['12', '13']] // biome-ignore format: a table
    const expected = lines.map((line, i) => [line, values[i]])
    const ends = ['\r\n', '\n', '\r']
    for (let mix = 0; mix < 3 ** 5; mix++) {
      const text = rows.map((row, i) => row + ends[Math.floor(mix / 3 ** i) % 3]!).join('')
      for (const size of [1, 7, 1000])
        assert.deepEqual(await valuesOf(text, size), expected, JSON.stringify([text, size]))
    }
    assert.deepEqual(await valuesOf('a,b\r\r1,2\r\n\r\n\n3,4\r'), [
      [3, ['1', '2']],
      [6, ['3', '4']],
    ])
  })

  it('have the separator that the header has most often', async () => {
    const cases = {
      ',': 'a,b\n1;2|3,4\t5\n',
      ';': 'a;b,c;d\n1,5;2;3\n',
      '\t': 'a\tb\n1,2;\t3\n',
      '|': 'a|b\n1\t2|3\n',
      'quoted names': '"a;b;c",d\n1;2,3\n',
      'a quote within a name': 'size 5",d;e\n1,2\n',
      'none': 'a\n1\n',
      'a mark and a blank line before it': '\uFEFF\r\n"a,b";c\n1;2\n',
    } // biome-ignore format: a table
    const expected = {
      ',': [[2, ['1;2|3', '4\t5']]],
      ';': [[2, ['1,5', '2', '3']]],
      '\t': [[2, ['1,2;', '3']]],
      '|': [[2, ['1\t2', '3']]],
      'quoted names': [[2, ['1;2', '3']]],
      'a quote within a name': [[2, ['1', '2']]],
      'none': [[2, ['1']]],
      'a mark and a blank line before it': [[3, ['1', '2']]],
    } // biome-ignore format: a table
    for (const [name, text] of Object.entries(cases)) {
      for (const size of [1, 1000]) {
        assert.deepEqual(await valuesOf(text, size), expected[name as keyof typeof expected], name)
      }
    }
  })

  it('may hold JSON, quoted or not', async () => {
    const text = 'u|p\n1|{"a":[1,2],"b":"x"}\n2|"{""a"":1}"\n'
    assert.deepEqual(await valuesOf(text, 3), [
      [2, ['1', '{"a":[1,2],"b":"x"}']],
      [3, ['2', '{"a":1}']],
    ])
  })

  it('are bad where they are no UTF-8 or longer than the limit, and the rows around them are read', async () => {
    const long = 'x'.repeat(maxRowBytes)
    async function* chunks(): AsyncGenerator<Buffer> {
      yield Buffer.from('a,b\n1,')
      yield Buffer.from([0xfc, 0x0a])
      yield* inChunks(`2,é\n3,${long}\n${long},"4\n5",6\n7,8\n`, 1 << 16)
    }
    const rows: Row[] = []
    for await (const chunk of readCsv(chunks())) rows.push(...chunk)
    assert.deepEqual(
      rows.map((row) => (row.kind === 'fields' ? row.fields.values : row)),
      [
        { kind: 'bad', line: 2, detail: 'the row is not UTF-8 text' },
        ['2', 'é'],
        { kind: 'bad', line: 4, detail: 'the row is too long' },
        { kind: 'bad', line: 6, detail: 'the row is too long' },
        ['7', '8'],
      ],
    )
  })

  it('are none below a header that names a column twice, is no UTF-8, or never ends', async () => {
    const broken: readonly (readonly [string | Buffer, RegExp])[] = [
      ['a,b,a\n1,2,3\n', /two columns called "a"/],
      ['a,,\n1,2,3\n', /two columns called ""/],
      [Buffer.from([0x61, 0x2c, 0xfc, 0x0a]), /not UTF-8/],
      ['x'.repeat(3 * maxRowBytes), /the header is too long/],
    ]
    for (const [content, message] of broken) {
      async function* chunks(): AsyncGenerator<Buffer> {
        for (let at = 0; at < content.length; at += 1 << 16) yield Buffer.from(content.slice(at, at + (1 << 16)))
      }
      await assert.rejects(readCsv(chunks()).next(), { code: 'broken', message })
    }
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
      { code: 'broken', message: /a quote is never closed, from line 3 on/ },
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
      { code: 'broken', message: /a row is too long, or its quotes never close, from line 3 on/ },
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
