import { createIsbotFromList, isbot, list } from 'isbot'

/**
 * Patterns of isbot that tell a program from a browser and not a crawler from an app: apps have names of their own, call
 * HTTP libraries, and name the site or the package that they are of.
 */
export const notOfApps: readonly string[] = [
  '(?<!lib)http',
  '@[a-z][\\w-]+\\.',
  '\\.com\\b',
  '\\|',
  ';\\s\\w+;$',
  '^[\\w \\.\\-\\(?:\\):%]+(?:/v?\\d+(?:\\.\\d+)?(?:\\.\\d{1,10})*?)?(?:,|$)',
  '^[\\w\\-]+/[\\w]+$',
  '^\\w+/[\\w\\(\\)]*$',
  '^\\w+/\\d\\.\\d\\s\\([\\w@]+\\)$',
  '\\b\\w+/1\\.0;',
  '(?:^|[^g])news(?!sapphire)',
  '(?<! channel/|google/)google(?!(?:wv|app|/google| pixel))',
  '^ddg[_-]android',
  '^downcast/',
  '^navermailapp',
  '^[^ ]{50,}$',
  '^active',
  '^custom',
  '^read',
  '^reed',
  '^track',
  'agent\\b',
  'download',
  'feed',
  'java(?!;)',
  'rss\\b',
  'url',
]
const isBotOfApps = createIsbotFromList(list.filter((pattern) => !notOfApps.includes(pattern)))

/** Browsers, and HTTP libraries by their own name: what they say is isbot's to judge. */
const notOwnName =
  /^(?:mozilla|opera|okhttp|retrofit|volley|dalvik|cronet|cfnetwork|alamofire|afnetworking|nsurlsession|dart|ktor|darwin|android(?:downloadmanager)?|http|java|apache|python|go-http|curl|axios|node)\b/i
/** What only an app says: the system or the phone that it runs on, or the library of its system. */
const appTrait =
  /\b(?:okhttp|cfnetwork|cronet|alamofire|dalvik|android|iphone|ipad|ipod|ios|ipados|tvos|watchos|appletv|apple tv|harmonyos|flutter|dart:io|reactnative|aft[a-z]\w+|ps[45])\b|\biphone_os\b|\bwatch\d/i

/**
 * Whether a user agent is a crawler's, a script's or a library's. isbot, but for native apps: a product of its own name
 * that says which system it runs on is an app, though the library that it calls (`okhttp`) is what scripts call too.
 */
export function isBotAgent(text: string): boolean {
  return isbot(text) && !(isAppLike(text) && !isBotOfApps(text))
}

function isAppLike(text: string): boolean {
  return !notOwnName.test(text) && appTrait.test(text)
}
