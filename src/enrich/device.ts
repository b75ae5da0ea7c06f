import type { Device } from './enrichment.ts'

const deviceByType: Readonly<Record<string, Device>> = {
  mobile: 'mobile',
  tablet: 'tablet',
  smarttv: 'tv',
  wearable: 'wearable',
  console: 'console',
  embedded: 'other',
}

/** Systems that don't run on desktops, for user agents that name a system but no kind of device (mostly apps). */
const deviceByOs: Readonly<Record<string, Device>> = {
  iOS: 'mobile',
  Android: 'mobile',
  HarmonyOS: 'mobile',
  KaiOS: 'mobile',
  'Windows Phone': 'mobile',
  'Windows Mobile': 'mobile',
  BlackBerry: 'mobile',
  Symbian: 'mobile',
  watchOS: 'wearable',
  Tizen: 'tv',
  webOS: 'tv',
  PlayStation: 'console',
  Nintendo: 'console',
  Xbox: 'console',
}

/** Sizes of TV screens in inches. */
const screen = '(?:2[48]|32|39|4[0-9]|5[058]|6[05]|7[057]|8[2356]|9[058]|1[01]0)'

/**
 * User agents that name the device outright; the first match counts. Needed because most lists take an Android that does
 * not mention a phone for a tablet, and TVs, cars and glasses don't mention one.
 */
const outright: readonly (readonly [device: Device, pattern: RegExp])[] = [
  ['mobile', /\bwpdesktop|\biemobile|windows ce\b|\bdocomo|\bkddi-|\bmre\/\d|\(iph\d/i],
  ['desktop', /chromebook|pixelbook|microsoft office\b.*(?:windows|mac os)\//i],
  [
    'console',
    /\b(?:xbox|playstation|nintendo|gameboy|ouya|ps[345];|archos gamepad|retroid|steam ?deck|logitech g cloud)|; (?:rg(?:3[25]\w|40[56]|476|50[35]|55[26]|cube)|jxd[_ ]s\d{3})/i,
  ],
  [
    'car',
    /qtcarbrowser|\btesla(?:browser)?\/|\btesla\b.*\bmodel [3sxy]\b|\bautomotive\b|\bcarplay\b|; (?:polestar|volvo|audi_|aivi[-_]|octopus-core|quad-?core[ -][tr]|ultraocta|8227l|yt\d{4}|uis\d{4}|f9212)|\bbyd auto\b|\bdilink|\baftl[bf]t\d/i,
  ],
  [
    'wearable',
    /\bapple ?watch|\bwatch ?os\b|\bwatch\d+,\d|; (?:samsung )?sm-[rl][1-9]\d\d|\bsamsung sm-r\d|wear ?os|ticwatch|\bgear (?:live|s\d?|vr)\b|\bgarmin (?:fenix|forerunner|venu|vivo)|oculusbrowser|mobile vr\b|\bpico ?(?:g\d|neo|4)|; quest(?: [23]s?| pro)?[;)]|; vive\b|huawei watch|\blem\d\d/i,
  ],
  [
    'tv',
    new RegExp(
      [
        String.raw`\bsmart-?tv\b|smart tv\b|\bhbbtv|ce-html|\bnetrange|web0s|webos\.tv|netcast|\bnettv|digital-tv|espial|viera|vidaa|vizio|bravia|\bomi/`,
        String.raw`google ?tv|android ?tv|apple ?tv|\btvos\b|\bcrkey\b|chromecast|\broku|\btsbnettv|philips ?tv|opera tv|\biptv|tv ?bro\b|\btv safari|safari/[\d.]+ tv$|\(dtv\)`,
        String.raw`\baft[a-z]\w*|\btv ?(?:box|stick|start|dongle)|\bmi ?(?:tv|box)|[ _-]tv[ _;)/]|; (?:bravia|shield(?! tablet)|adt-\d|nexus player|x96|h96|t95|tx[3569]|hk1|mxq|a95x|tanix|vontar|mecool|beelink|minix|amlogic|droidlogic|r-tv|ugoos|vorke|vinabox|yundoo|zidoo|pendoo|iconbit xds|vega s95|tdtv|yndx-|x88|x98|x92|tivo)`,
        String.raw`\bshell [a-z]*\d|[ _]box[ _);]|\bdvb\b`,
        String.raw`; [a-z_-]*(?:q|u|o)?led[ _-]?\d{2}|; [a-z_-]{0,9}${screen}[a-z][a-z-]{0,5}-?\d{3}|; (?:[a-z]{1,6}[-_])?${screen}[a-z]*(?:uhd|fhd|qled|oled|led|lex)|; (?:[a-z]{1,5}[-_ ]?)${screen}(?:uhd|fhd|qled|led)\b`,
      ].join('|'),
      'i',
    ),
  ],
]

/** A computer with macOS, for apps that only name the system's library. */
const mac =
  /darwin\/[\d.]+ \((?:x86_64|i386|power|arm64;? mac)|\bmac(?:book\w*|mini|pro)?\d+(?:,|%2c)\d|\bmac ?os[ /x,]/i
const desktop = /windows nt|\bwin(?:32|64|10)\b|\bx11\b|\bcros\b|chromebook|pixelbook/i
const mobile = /\bmidp|\bcldc|up\.browser|\bwap\b|\bphone\b|\biphone|\bandroid\b|\badr \d|\bmobile\b|\bmaui\b|\bmre\//i
/** Android tablets that call themselves mobile, or nothing. */
const tablet = /\btablet\b|\/apad\b|\bandroid\b.*; (?:tb-?\w?\d{3}|[a-z]{2,4}\d?-w\d9|mid-?\d{3,4})/i

/**
 * The kind of device behind a user agent, given `type` and `os` as my-ua-parser read them. A system that is not known from
 * other devices counts as a desktop.
 */
export function deviceOf(text: string, type: string | undefined, os: string | undefined): Device {
  const byOs = os === undefined ? undefined : deviceByOs[os]
  // Consoles call themselves TVs, so their system decides.
  if (byOs === 'console') return byOs
  for (const [device, pattern] of outright) if (pattern.test(text)) return device
  // my-ua-parser takes every phone called Quest for the VR headset.
  if (type === 'wearable' && /quest/i.test(text)) return 'mobile'
  if (type !== undefined) return type === 'mobile' && tablet.test(text) ? 'tablet' : (deviceByType[type] ?? 'other')
  if (mac.test(text) && !text.includes('like Mac OS X')) return 'desktop'
  if (byOs !== undefined) return byOs
  if (os !== undefined) return 'desktop'
  return desktop.test(text) ? 'desktop' : mobile.test(text) ? 'mobile' : 'other'
}
