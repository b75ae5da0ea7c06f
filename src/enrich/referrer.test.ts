import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '../events/event.ts'
import { noCampaign, noReferrer, type ReferrerClass } from './enrichment.ts'
import { compileReferrer } from './referrer.ts'

function event(referrer: string, url = 'https://www.shop.example/p/1'): Event {
  const made = new Event()
  made.referrer = referrer
  made.url = url
  return made
}

test('a referrer is classed by its host', () => {
  const referrerOf = compileReferrer({ internalDomains: ['Pay.Example'] })
  const cases: [referrer: string, wanted: ReferrerClass, source: string, term?: string][] = [
    ['', 'direct', ''],
    ['$direct', 'direct', ''],
    ['-', 'direct', ''],
    ['about:blank', 'direct', ''],
    ['https://www.google.com/', 'search', 'Google'],
    ['https://www.google.co.uk/search?q=red+shoes&hl=en', 'search', 'Google', 'red shoes'],
    ['HTTPS://WWW.GOOGLE.DE:443/', 'search', 'Google'],
    ['www.google.com/search?q=x', 'search', 'Google', 'x'],
    ['android-app://com.google.android.googlequicksearchbox/', 'search', 'Google'],
    ['https://google.com.evil.example/', 'other', ''],
    ['https://notgoogle.com/', 'other', ''],
    ['https://accounts.google.com/signin', 'other', ''],
    ['https://www.bing.com/search?q=a%20b', 'search', 'Bing', 'a b'],
    ['https://duckduckgo.com/', 'search', 'DuckDuckGo'],
    ['https://www.baidu.com/s?wd=%E9%9E%8B', 'search', 'Baidu', '鞋'],
    ['https://m.baidu.com/s?word=%C4%E3', 'search', 'Baidu', '%C4%E3'],
    ['https://yandex.ru/search/?text=x', 'search', 'Yandex', 'x'],
    ['https://www.sogou.com/web?query=x', 'search', 'Sogou', 'x'],
    ['https://www.so.com/s?q=x', 'search', '360', 'x'],
    ['https://search.naver.com/search.naver?query=x', 'search', 'Naver', 'x'],
    ['https://uk.search.yahoo.com/search?p=x', 'search', 'Yahoo', 'x'],
    ['https://www.ecosia.org/search?q=', 'search', 'Ecosia'],
    ['https://mail.google.com/mail/u/0/', 'mail', 'Gmail'],
    ['android-app://com.google.android.gm', 'mail', 'Gmail'],
    ['https://outlook.live.com/', 'mail', 'Outlook'],
    ['https://mail.yahoo.com/', 'mail', 'Yahoo Mail'],
    ['https://mail.yahoo.co.uk/', 'mail', 'Yahoo Mail'],
    ['https://webmail.provider.example.co.uk/inbox', 'mail', ''],
    ['https://mail01.orange.fr/', 'mail', ''],
    ['https://deref-gmx.net/mail/client', 'mail', 'GMX'],
    ['android-app://com.microsoft.office.outlook/', 'mail', 'Outlook'],
    ['https://mail.example/', 'other', ''],
    ['https://webmail.com/', 'other', ''],
    ['https://search.portal.example/?q=shoes', 'search', '', 'shoes'],
    ['https://suche.portal.example/?query=schuhe', 'search', '', 'schuhe'],
    ['https://research.example/', 'other', ''],
    ['https://search.shop.example/?q=shoes', 'internal', ''],
    ['https://www.amazon.co.jp/dp/1', 'shopping', 'Amazon'],
    ['https://www.idealo.de/', 'shopping', 'Idealo'],
    ['https://vimeo.com/1', 'social', 'Vimeo'],
    ['https://l.facebook.com/l.php?u=https%3A%2F%2Fx', 'social', 'Facebook'],
    ['https://t.co/abc', 'social', 'X'],
    ['https://netflix.com/', 'other', ''],
    ['https://www.pinterest.fr/pin/1', 'social', 'Pinterest'],
    ['https://old.reddit.com/r/x', 'social', 'Reddit'],
    ['https://m.youtube.com/watch?v=1', 'social', 'YouTube'],
    ['android-app://com.linkedin.android/', 'social', 'LinkedIn'],
    ['https://mp.weixin.qq.com/s/1', 'social', 'WeChat'],
    ['android-app://com.tencent.mm', 'social', 'WeChat'],
    ['https://m.weibo.cn/1', 'social', 'Weibo'],
    ['https://www.xiaohongshu.com/explore', 'social', 'Xiaohongshu'],
    ['https://www.douyin.com/video/1', 'social', 'Douyin'],
    ['https://chatgpt.com/', 'ai', 'ChatGPT'],
    ['https://chat.openai.com/c/1', 'ai', 'ChatGPT'],
    ['https://www.perplexity.ai/search/x', 'ai', 'Perplexity'],
    ['https://claude.ai/', 'ai', 'Claude'],
    ['https://gemini.google.com/app', 'ai', 'Gemini'],
    ['https://copilot.microsoft.com/', 'ai', 'Copilot'],
    ['https://chat.deepseek.com/', 'ai', 'DeepSeek'],
    ['https://www.kimi.com/', 'ai', 'Kimi'],
    ['https://duck.ai/', 'ai', 'Duck.ai'],
    ['https://notebooklm.google.com/notebook/1', 'ai', 'NotebookLM'],
    ['android-app://com.openai.chatgpt/', 'ai', 'ChatGPT'],
    ['https://www.doubao.com/chat', 'ai', 'Doubao'],
    ['https://shop.example/', 'internal', ''],
    ['https://blog.shop.example/post?q=x', 'internal', ''],
    ['https://www.pay.example/', 'internal', ''],
    ['https://notpay.example/', 'other', ''],
    ['https://user:secret@partner.example:8443/x', 'other', ''],
    ['http://[2001:db8::1]:8080/', 'other', ''],
    [`https://${'a'.repeat(300)}.example/`, 'direct', ''],
  ]
  for (const [referrer, kind, source, term = ''] of cases) {
    const { class: found, source: name, term: searched } = referrerOf(event(referrer), noCampaign)
    assert.deepEqual([found, name, searched], [kind, source, term], referrer)
  }
})

test('the host is given without user and port', () => {
  const referrerOf = compileReferrer({ internalDomains: [] })
  assert.equal(referrerOf(event('https://user:secret@Partner.example:8443/x'), noCampaign).host, 'partner.example')
  assert.equal(referrerOf(event('http://[2001:db8::1]:8080/'), noCampaign).host, '[2001:db8::1]')
})

test('the event’s own registrable domain is internal, and no wider', () => {
  const referrerOf = compileReferrer({ internalDomains: [] })
  const cases: [referrer: string, url: string, internal: boolean][] = [
    ['https://a.shop.co.uk/', 'https://b.shop.co.uk/', true],
    ['https://a.co.uk/', 'https://b.co.uk/', false],
    ['https://mine.myshopify.com/', 'https://yours.myshopify.com/', false],
    ['http://localhost:3000/a', 'http://localhost:3000/b', true],
    ['http://10.0.0.1/a', 'http://10.0.0.2/b', false],
    ['https://www.google.com/', 'https://shopping.google.com/', true],
    ['https://shop.example/', '', false],
    ['https://shop.example/', '/p/1', false],
  ]
  for (const [referrer, url, internal] of cases) {
    assert.equal(referrerOf(event(referrer, url), noCampaign).class === 'internal', internal, `${referrer} ${url}`)
  }
})

test('without a referrer utm_source may name an AI assistant', () => {
  const referrerOf = compileReferrer({ internalDomains: [] })
  const cases: [referrer: string, source: string, wanted: ReferrerClass, name: string][] = [
    ['', 'chatgpt.com', 'ai', 'ChatGPT'],
    ['', 'ChatGPT.com', 'ai', 'ChatGPT'],
    ['', 'perplexity', 'ai', 'Perplexity'],
    ['', 'google', 'direct', ''],
    ['', 'facebook.com', 'direct', ''],
    ['', 'newsletter', 'direct', ''],
    ['https://www.bing.com/', 'chatgpt.com', 'search', 'Bing'],
  ]
  for (const [referrer, source, wanted, name] of cases) {
    const found = referrerOf(event(referrer), { ...noCampaign, source })
    assert.deepEqual([found.class, found.source], [wanted, name], `${referrer} ${source}`)
  }
})

test('a referrer that comes again gives the same object', () => {
  const referrerOf = compileReferrer({ internalDomains: [] })
  const first = referrerOf(event('https://partner.example/a'), noCampaign)
  assert.equal(referrerOf(event('https://partner.example/b'), noCampaign), first)
})

test('switched off, the class is empty and not direct', () => {
  assert.equal(compileReferrer(null)(event(''), noCampaign), noReferrer)
})
