import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Properties } from '../../events/event.ts'
import { accessLogMapping, parseAccessLogLine } from './access-log.ts'

const combined =
  '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a/b.html?q=1 HTTP/1.1" 200 2023 "http://x.example/" "Mozilla/5.0 (X11)"'

function parsed(line: string): Properties {
  const fields = parseAccessLogLine(line)
  assert.ok(fields instanceof Properties, String(fields))
  return fields
}

function withRequest(request: string, status = 200): string {
  return `192.0.2.1 - - [17/May/2015:10:05:03 +0000] "${request}" ${status} 5 "-" "curl/8"`
}

describe('an access log line', () => {
  it('gives every field of the combined format', () => {
    const fields = parsed(combined)
    assert.equal(fields.get('ip'), '83.149.9.216')
    assert.equal(fields.get('time'), Date.UTC(2015, 4, 17, 10, 5, 3))
    assert.equal(fields.get('method'), 'GET')
    assert.equal(fields.get('url'), '/a/b.html?q=1')
    assert.equal(fields.get('status'), 200)
    assert.equal(fields.get('bytes'), 2023)
    assert.equal(fields.get('referrer'), 'http://x.example/')
    assert.equal(fields.get('userAgent'), 'Mozilla/5.0 (X11)')
    assert.equal(fields.get('type'), 'page')
  })

  it('may be of the common format, which has no referrer and no user agent', () => {
    const fields = parsed('2001:db8::1 - jo smith [01/Feb/2024:23:59:59 -0530] "GET / HTTP/1.0" 304 -')
    assert.equal(fields.get('ip'), '2001:db8::1')
    assert.equal(fields.get('time'), Date.UTC(2024, 1, 2, 5, 29, 59))
    assert.equal(fields.get('bytes'), 0)
    assert.equal(fields.get('referrer'), '')
    assert.equal(fields.get('userAgent'), '')
  })

  it('may be of a leap second, which is the second after it', () => {
    const fields = parsed(combined.replace('17/May/2015:10:05:03 +0000', '01/Jan/2017:00:59:60 +0100'))
    assert.equal(fields.get('time'), Date.UTC(2017, 0, 1))
  })

  it('has all that its mapping reads', () => {
    const { names } = parsed(combined)
    for (const source of Object.values(accessLogMapping)) assert.ok(names.includes(String(source)), String(source))
  })

  it('tells customers by address and user agent', () => {
    const customer = parsed(combined).get('customer')
    assert.equal(parsed(combined.replace('q=1', 'q=2')).get('customer'), customer)
    assert.notEqual(parsed(combined.replace('X11', 'Macintosh')).get('customer'), customer)
    assert.notEqual(parsed(combined.replace('83.', '84.')).get('customer'), customer)
  })

  it('unescapes quotes and backslashes, and leaves other escapes as they are', () => {
    const fields = parsed(combined.replace('http://x.example/', '\\xe4\\n').replace('Mozilla', 'a \\"b\\" \\\\'))
    assert.equal(fields.get('referrer'), '\\xe4\\n')
    assert.equal(fields.get('userAgent'), 'a "b" \\/5.0 (X11)')
  })

  it('may lack its last quote, and may go on after the user agent', () => {
    assert.equal(parsed(combined.slice(0, -1)).get('userAgent'), 'Mozilla/5.0 (X11)')
    assert.equal(parsed(`${combined} 0.013 "host.example"`).get('userAgent'), 'Mozilla/5.0 (X11)')
  })

  const rest = '[17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"'
  const senders = [
    ['198.51.100.7 - -', '198.51.100.7', undefined],
    ['www.shop.example:443 198.51.100.7 - -', '198.51.100.7', 'www.shop.example:443'],
    ['[2001:db8::2]:80 2001:db8::1 - jo smith', '2001:db8::1', '[2001:db8::2]:80'],
    ['10.0.0.1 198.51.100.7 - -', '198.51.100.7', '10.0.0.1'],
    ['shop client.example - jo', 'client.example', 'shop'],
    ['shop:443 - - -', '', 'shop:443'],
    ['192.0.2.1, 198.51.100.9 - -', '192.0.2.1', undefined],
    ['192.0.2.1,198.51.100.9,10.0.0.1 - jo smith', '192.0.2.1', undefined],
    ['unknown, 198.51.100.9 - -', '198.51.100.9', undefined],
    ['shop:80 192.0.2.1, 10.0.0.1 - -', '192.0.2.1', 'shop:80'],
    ['192.0.2.1:51234 - jo smith', '192.0.2.1:51234', undefined],
    ['[2001:db8::1]:51234 - -', '[2001:db8::1]:51234', undefined],
    ['client.example - jo', 'client.example', undefined],
    ['- - -', '', undefined],
    ['client.example - jo smith', null, undefined],
    ['shop:443 192.0.2.1 -', null, undefined],
    ['192.0.2.1, - -', null, undefined],
    ['192.0.2.1 -', null, undefined],
    ['192.0.2.1', null, undefined],
  ] as const
  for (const [sender, ip, vhost] of senders) {
    it(`sent by ${sender} is ${ip === null ? 'bad' : `of ${ip || 'nobody’s address'}`}`, () => {
      const fields = parseAccessLogLine(`${sender} ${rest}`)
      const seen = fields instanceof Properties && [fields.get('ip'), fields.get('vhost') ?? undefined]
      assert.deepEqual(seen, ip !== null && [ip, vhost])
    })
  }

  it('tells customers apart behind one virtual host', () => {
    const of = (sender: string) => parsed(`${sender} ${rest}`).get('customer')
    assert.equal(of('shop:443 192.0.2.1 - -'), of('192.0.2.1 - -'))
    assert.notEqual(of('shop:443 192.0.2.1 - -'), of('shop:443 192.0.2.2 - -'))
  })

  const types = [
    ['GET / HTTP/1.1', 200, 'page'],
    ['GET /blog/2015/ HTTP/1.1', 304, 'page'],
    ['GET /a.b/c?x=/d.png HTTP/1.1', 200, 'page'],
    ['GET /INDEX.HTML#top HTTP/1.1', 200, 'page'],
    ['GET /style.css HTTP/1.1', 200, 'asset'],
    ['GET /robots.txt HTTP/1.1', 200, 'asset'],
    ['GET / HTTP/1.1', 301, 'request'],
    ['GET / HTTP/1.1', 404, 'request'],
    ['HEAD / HTTP/1.1', 200, 'request'],
    ['POST /form HTTP/1.1', 200, 'request'],
    ['\\x16\\x03\\x01', 400, 'request'],
    ['-', 408, 'request'],
  ] as const
  for (const [request, status, type] of types) {
    it(`is of type ${type} for ${request} answered by ${status}`, () => {
      assert.equal(parsed(withRequest(request, status)).get('type'), type)
    })
  }

  const malformed = [
    ['', 'no address and time'],
    ['hello', 'no address and time'],
    [' - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', 'no address and time'],
    [withRequest('GET /').replace('May', 'Mai'), 'the time is not like'],
    [withRequest('GET /').replace('17/May', '31/Feb'), 'the time is not like'],
    [withRequest('GET /').replace('17/May', '00/May'), 'the time is not like'],
    [withRequest('GET /').replace('10:05', '24:05'), 'the time is not like'],
    [withRequest('GET /').replace('10:05:03', '10:60:03'), 'the time is not like'],
    [withRequest('GET /').replace('10:05:03', '10:05:99'), 'the time is not like'],
    [withRequest('GET /').replace('10:05:03', '10:05:60'), 'the time is not like'],
    [withRequest('GET /').replace('+0000', '+0060'), 'the time is not like'],
    [withRequest('GET /').replace('+0000', '-2400'), 'the time is not like'],
    [withRequest('GET /').replace('+0000', '+9959'), 'the time is not like'],
    [withRequest('GET /').replace(' 200', ' OK'), 'no status'],
    [withRequest('GET /').replace('200 5', '200 5k'), 'no number of bytes'],
    ['192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /never-closed', 'no status'],
    [withRequest('GET /').replace('" 200', '"200'), 'no status'],
    [withRequest('GET /').replace('200 5', '2005'), 'no number of bytes'],
    [withRequest('GET /').replace('200 5', '200-5'), 'no number of bytes'],
    [withRequest('GET /').replace(' 5 "', ' 5 0.003 "'), 'what follows the bytes'],
    [withRequest('GET /').replace(' 5 "', ' 5  "'), 'what follows the bytes'],
    [`${withRequest('GET /').slice(0, -13)} 0.003`, 'what follows the bytes'],
    [withRequest('GET /').replace('"-" ', '"-"'), 'what follows the bytes'],
    [withRequest('GET /').replace('"-" "curl/8"', '"https://x.example/cut'), 'what follows the bytes'],
    [withRequest('GET /').replace('curl/8', 'a "b" c'), 'what follows the bytes'],
  ] as const
  for (const [line, detail] of malformed) {
    it(`is bad, with a reason, when it is ${JSON.stringify(line.slice(0, 90))}`, () => {
      const reason = parseAccessLogLine(line)
      assert.ok(typeof reason === 'string' && reason.startsWith(detail), String(reason))
    })
  }

  it('never throws, whatever it holds', () => {
    const pieces = fc.constantFrom(
      '1.2.3.4',
      ' ',
      '[',
      '] "',
      '"',
      '\\',
      '-',
      '17/May/2015:10:05:03 +0000',
      '200',
      'GET /',
    )
    fc.assert(fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => void parseAccessLogLine(parts.join(''))))
    fc.assert(
      fc.property(fc.nat(combined.length), fc.string(), (at, text) => {
        parseAccessLogLine(combined.slice(0, at) + text + combined.slice(at))
      }),
    )
  })
})
