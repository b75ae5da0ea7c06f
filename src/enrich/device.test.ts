import assert from 'node:assert/strict'
import { test } from 'node:test'
import UAParser from 'my-ua-parser'
import { deviceOf } from './device.ts'
import type { Device } from './enrichment.ts'

const safari = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0'
const cases: readonly [wanted: Device, userAgent: string][] = [
  ['tv', `Mozilla/5.0 (Web0S; Linux/SmartTV) ${safari} Safari/537.36 LG Browser/8.00.00(LGE; OLED55; 03.10; 1)`],
  ['tv', `Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) ${safari} TV Safari/537.36`],
  ['tv', `Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233) ${safari} Mobile Safari/537.36`],
  ['tv', `Mozilla/5.0 (Linux; Android 11; 43LU6000T Build/RP1A.200720.011; wv) ${safari} Safari/537.36`],
  ['tv', `Mozilla/5.0 (Linux; arm; Android 9; LT-43NF8020S Build/PPR2) ${safari} Mobile Safari/537.36`],
  ['tv', `Mozilla/5.0 (Linux; Android 10; BRAVIA 4K UR2 Build/PTT1) ${safari} Safari/537.36`],
  ['tv', 'HbbTV/1.1.1 (;;;;) Mozilla/5.0 (compatible; ANTGalio/3.0.2.1.22.43.08; Linux2.6.18-7.1)'],
  ['tv', 'Roku/DVP-12.0 (12.0.0.4182-88)'],
  ['tv', 'MyShop/2.1 (AppleTV11,1; tvOS 17.4) CFNetwork/1494 Darwin/23.4.0'],
  ['console', 'Mozilla/5.0 (PlayStation 5 3.03/SmartTV) AppleWebKit/605.1.15 (KHTML, like Gecko)'],
  ['console', 'Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0'],
  ['console', `Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) ${safari} Edge/44.18363`],
  ['car', `Mozilla/5.0 (X11; GNU/Linux) ${safari} Safari/537.36 Tesla/2024.8.9-1d1b8b1ad7b5`],
  ['car', `Mozilla/5.0 (Linux; Android 12; Polestar 2 Build/SQ3A) ${safari} Safari/537.36`],
  ['wearable', `Mozilla/5.0 (Linux; Android 11; SM-R910) ${safari} Mobile Safari/537.36`],
  ['wearable', `Mozilla/5.0 (X11; Linux x86_64; Quest 3) ${safari} OculusBrowser/30.0 VR Safari/537.36`],
  ['wearable', 'MyShop/4 (Watch6,4; watchOS 10.1)'],
  ['desktop', 'Safari/9537.73.11 CFNetwork/673.0.3 Darwin/13.0.0 (x86_64) (MacBookPro8%2C2)'],
  ['desktop', `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${safari} Safari/537.36`],
  ['desktop', `Mozilla/5.0 (Linux; Android 9; Dell Chromebook 11 (3180)) ${safari} Safari/537.36`],
  ['mobile', 'MyShop/77 CFNetwork/1474 Darwin/23.0.0'],
  ['mobile', 'UCWEB/2.0 (MIDP-2.0; U; Adr 4.2.2; en-US; V3C) U2/1.0.0 UCBrowser/9.4.0.460 U2/1.0.0 Mobile'],
  ['mobile', `Mozilla/5.0 (Linux; Android 10; K) ${safari} Mobile Safari/537.36`],
  ['mobile', `Mozilla/5.0 (Linux; Android 4.4.2; QUMO Quest 402) ${safari} Mobile Safari/537.36`],
  ['mobile', `Mozilla/5.0 (Linux; Android 13; 2201117TG Build/TKQ1) ${safari} Mobile Safari/537.36`],
  ['mobile', `Mozilla/5.0 (Linux; Android 9; MYSHOP Build/X; wv) ${safari} Mobile Safari/537.36 [FBAN/EMA;FBAV/239.0]`],
  ['tablet', `Mozilla/5.0 (Linux; Android 7.0; SHIELD Tablet K1) ${safari} Safari/537.36`],
  ['tablet', `Mozilla/5.0 (Linux; Android 11; TB-X605L) ${safari} Mobile Safari/537.36`],
  ['other', 'MyShop'],
]
for (const [wanted, text] of cases) {
  test(`${wanted}: ${text}`, () => {
    const { device, os } = UAParser(text)
    assert.equal(deviceOf(text, device.type, os.name), wanted)
  })
}
