import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hostOf, originOf, pathOf, queryOf } from './url.ts'

test('host, path and query are those of the platform’s URL', () => {
  const segment = fc.stringMatching(/^[a-z0-9._~-]{0,8}$/)
  const url = fc
    .tuple(
      fc.constantFrom('http', 'https'),
      fc.domain(),
      fc.constantFrom('', ':8080', ':1'),
      fc.array(segment, { maxLength: 3 }),
      fc.option(fc.stringMatching(/^[a-z0-9=&/:@?]{1,12}$/), { nil: undefined }),
      fc.option(fc.stringMatching(/^[a-z0-9=&/:@?]{1,12}$/), { nil: undefined }),
    )
    .map(
      ([scheme, host, port, path, query, fragment]) =>
        `${scheme}://${host}${port}${path.map((s) => `/${s}`).join('')}` +
        (query === undefined ? '' : `?${query}`) +
        (fragment === undefined || query === undefined ? '' : `#${fragment}`),
    )
    .filter((text) => !/\/\.{1,2}([/?#]|$)/.test(text))
  fc.assert(
    fc.property(url, (text) => {
      const parsed = new URL(text)
      assert.equal(hostOf(text), parsed.hostname)
      assert.equal(pathOf(text), parsed.pathname)
      assert.equal(queryOf(text), parsed.search)
    }),
  )
})

test('paths are found in texts that are not full URLs', () => {
  const cases: [url: string, path: string][] = [
    ['/a/b?c=d', '/a/b'],
    ['/a#b', '/a'],
    ['https://shop.example?x=/y', '/'],
    ['?back=http://shop.example/a', '/'],
    ['//shop.example/a', '/a'],
    ['', '/'],
  ]
  for (const [url, path] of cases) assert.equal(pathOf(url), path, url)
})

test('a text that names no host gives none', () => {
  for (const text of ['', '-', '$direct', '(direct)', 'about:blank', '/a.html', '?u=http://x.example/', 'file:///a']) {
    assert.equal(hostOf(text), '', text)
  }
})

test('the start of a text has the host of the whole', () => {
  const piece = fc.constantFrom(
    'http:',
    '//',
    '/',
    'a.example',
    ':80',
    '@',
    '?',
    '#',
    'u=',
    '[::1]',
    'android-app:',
    '.',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      assert.equal(hostOf(originOf(text)), hostOf(text), text)
    }),
    { numRuns: 2000 },
  )
})
