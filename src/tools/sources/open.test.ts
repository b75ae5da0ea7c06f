import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { sharedData, noSharedData as skip } from '../../../test/shared-data.ts'
import { openSource, type SourceOptions } from './open.ts'
import { maxChunkRows, type Row } from './row.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beckon-sources-'))
})
after(() => rm(folder, { recursive: true }))

async function fileWith(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function rowsOf(path: string, options?: SourceOptions): Promise<Row[]> {
  const rows: Row[] = []
  const source = await openSource(path, options)
  for await (const chunk of source.rows) {
    assert.ok(chunk.length <= maxChunkRows)
    rows.push(...chunk)
  }
  return rows
}

const ndjson = '{"id":1}\nnot json\n{"id":2}\n'
const csv = 'id,name\n1,a\n2,b\n'
const log = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\nnonsense\n'

describe('a file to replay', () => {
  const named = [
    ['events.ndjson', ndjson, 'ndjson'],
    ['events.jsonl', ndjson, 'ndjson'],
    ['events.JSON', ndjson, 'ndjson'],
    ['events.csv', csv, 'csv'],
    ['events.tsv', csv.replaceAll(',', '\t'), 'csv'],
    ['access.log', log, 'access-log'],
    ['no-ending-json', ndjson, 'ndjson'],
    ['no-ending-csv', csv, 'csv'],
    ['no-ending-semicolons', csv.replaceAll(',', ';'), 'csv'],
    ['no-ending-log', log, 'access-log'],
  ] as const
  for (const [name, content, format] of named) {
    it(`is ${format} for ${name}, zipped or not, whatever the name says of zipping`, async () => {
      const plain = await fileWith(name, content)
      const zippedByName = await fileWith(`${name}.gz`, gzipSync(content))
      const zippedSecretly = await fileWith(`zipped-${name}`, gzipSync(content))
      for (const path of [plain, zippedByName, zippedSecretly]) {
        assert.equal((await openSource(path)).format, format)
      }
      assert.deepEqual(await rowsOf(zippedByName), await rowsOf(plain))
      assert.deepEqual(await rowsOf(zippedSecretly), await rowsOf(plain))
    })
  }

  it('has the format that is asked for, whatever the name says', async () => {
    const path = await fileWith('wrong.csv', ndjson)
    assert.equal((await openSource(path, { format: 'ndjson' })).format, 'ndjson')
  })

  it('hands JSON on as the bytes of each line, and reports what is no log line with its number', async () => {
    const [first, second] = await rowsOf(await fileWith('raw.ndjson', ndjson))
    assert.ok(first?.kind === 'json' && second?.kind === 'json')
    assert.equal(first.bytes.toString(), '{"id":1}')
    assert.deepEqual([second.line, second.bytes.toString()], [2, 'not json'])
    assert.deepEqual((await rowsOf(await fileWith('raw.log', log)))[1], {
      kind: 'bad',
      line: 2,
      detail: 'no address and time at the start of the line',
    })
  })

  it('may be UTF-16 with its mark, and is refused where it is no text', async () => {
    const content = '\uFEFFid,name\r\n1,é\r\n2,😀\r\n'
    const littleEndian = Buffer.from(content, 'utf16le')
    const bigEndian = Buffer.from(littleEndian).swap16()
    for (const bytes of [littleEndian, bigEndian, gzipSync(littleEndian)]) {
      for (const name of ['wide.csv', 'wide']) {
        const rows = await rowsOf(await fileWith(name, bytes))
        assert.deepEqual(
          rows.map((row) => row.kind === 'fields' && row.fields.values),
          [
            ['1', 'é'],
            ['2', '😀'],
          ],
        )
      }
    }
    const wide = await fileWith('wide.ndjson', Buffer.from('\uFEFF{"id":1}\n', 'utf16le'))
    assert.deepEqual(
      (await rowsOf(wide)).map((row) => row.kind === 'json' && row.bytes.toString()),
      ['{"id":1}'],
    )
    for (const bytes of [littleEndian.subarray(2), Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0])]) {
      await assert.rejects(openSource(await fileWith('nul.csv', bytes)), { code: 'broken', message: /NUL bytes/ })
    }
  })

  it('may be several zipped files in one', async () => {
    const path = await fileWith('twice.csv.gz', Buffer.concat([gzipSync('a,b\n1,2\n'), gzipSync('3,4\n')]))
    assert.equal((await rowsOf(path)).length, 2)
  })

  it('is refused with its name and the reason where it is missing, unknown, or cut off', async () => {
    const missing = join(folder, 'missing.csv')
    await assert.rejects(openSource(missing), { code: 'unreadable', message: /missing\.csv: ENOENT/ })
    const unknown = await fileWith('unknown', 'what is this')
    await assert.rejects(openSource(unknown), { code: 'unknown_format', message: /unknown: neither its name/ })
    const zipped = gzipSync(Buffer.from(Array.from({ length: 1e5 }, (_, i) => `${i},${i % 977}x\n`).join('')))
    const cut = await fileWith('cut.csv.gz', zipped.subarray(0, zipped.length - 1000))
    await assert.rejects(rowsOf(cut), { code: 'unreadable', message: /cut\.csv\.gz: unexpected end of file/ })
    const open = await fileWith('open.csv', 'a,b\n"1,2\n')
    await assert.rejects(rowsOf(open), { code: 'broken', message: /open\.csv: a quote is never closed/ })
  })

  it('may come from stdin, zipped as well', () => {
    const program = `
      import { openSource } from ${JSON.stringify(new URL('./open.js', import.meta.url).href)}
      const source = await openSource('-')
      for await (const rows of source.rows) console.log(source.format, rows.length)`
    for (const input of [log, gzipSync(log)]) {
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { input, encoding: 'utf8' })
      assert.equal(run.stdout, 'access-log 2\n', run.stderr)
    }
  })

  it('tells how far it is in bytes of the file', async () => {
    const path = await fileWith('progress.csv.gz', gzipSync(csv))
    const seen: (readonly [number, number | undefined])[] = []
    await rowsOf(path, { onProgress: (...progress) => seen.push(progress) })
    const size = gzipSync(csv).length
    assert.deepEqual(seen, [[size, size]])
  })
})

describe('real files', { skip }, () => {
  it('are read whole: all 10,000 lines of an access log', async () => {
    const rows = await rowsOf(sharedData('access-log/access.log.gz'))
    assert.equal(rows.filter((row) => row.kind === 'fields').length, 10_000)
    assert.equal(rows.length, 10_000)
  })

  it('are read whole: 31,106 events of a shop', async () => {
    const rows = await rowsOf(sharedData('shop-clickstream/ecom.csv.gz'))
    assert.equal(rows.filter((row) => row.kind === 'fields').length, 31_106)
    assert.equal(new Set(rows.map((row) => row.kind === 'fields' && row.fields.get('session_id'))).size, 3605)
  })

  it('are read whole, and no further ahead than a slow reader needs: 345,215 lines of a grocer', async () => {
    let read = 0
    let total = 1
    const source = await openSource(sharedData('grocery-baskets/transactions-weeks-1-13.csv.gz'), {
      onProgress: (readBytes, totalBytes = 1) => {
        read = readBytes
        total = totalBytes
      },
    })
    let rows = 0
    let maxAheadBytes = 0
    for await (const chunk of source.rows) {
      rows += chunk.length
      maxAheadBytes = Math.max(maxAheadBytes, read - (rows / 345_215) * total)
      await setImmediate()
    }
    assert.equal(rows, 345_215)
    assert.equal(read, total)
    assert.ok(maxAheadBytes < 512 * 1024, `${maxAheadBytes} bytes of ${total} were read ahead`)
  })
})
