import { createIsbotFromList, isbot, list } from 'isbot'

/**
 * The patterns of isbot that tell programs from browsers, but not crawlers from apps: apps too have names of their own, use
 * HTTP libraries, and name the site or the package they belong to.
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

/** Browsers, and HTTP libraries under their own name: here isbot decides. */
const notOwnName =
  /^(?:mozilla|opera|okhttp|retrofit|volley|dalvik|cronet|cfnetwork|alamofire|afnetworking|nsurlsession|dart|ktor|darwin|android(?:downloadmanager)?|http|java|apache|python|go-http|curl|axios|node)\b/i
/** What only an app says: the system or phone it runs on, or its system's library. */
const appTrait =
  /\b(?:okhttp|cfnetwork|cronet|alamofire|dalvik|android|iphone|ipad|ipod|ios|ipados|tvos|watchos|appletv|apple tv|harmonyos|flutter|dart:io|reactnative|aft[a-z]\w+|ps[45])\b|\biphone_os\b|\bwatch\d/i

/**
 * Whether a user agent is a crawler's, a script's or a library's. As isbot says, except for native apps: a product with its
 * own name that says which system it runs on is an app, even if it uses a library (`okhttp`) that scripts use too.
 */
export function isBotAgent(text: string): boolean {
  return isbot(text) && !(isAppLike(text) && !isBotOfApps(text))
}

function isAppLike(text: string): boolean {
  return !notOwnName.test(text) && appTrait.test(text)
}
