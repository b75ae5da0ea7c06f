import { createHash } from 'node:crypto'
import { type Engine, withRules } from '../engine.ts'
import { ownVersion } from '../fold-settings.ts'
import { type Deployed, Refused } from './deployed.ts'

/**
 * The engine under deployed rules.
 *
 * Rules of a later version of beckon are refused even if they compile: what they declare with a key that this version does not
 * know would be left out without a word, and an action decided otherwise than it was declared.
 * @param engine as the file has it, whose settings and addresses stay
 */
export function takeRules(engine: Engine, { policy, text, madeBy }: Deployed): Engine | Refused {
  if (policyHash(text) !== policy)
    return new Refused('damaged', `policy ${policy} is not what was deployed under that name`)
  if (policy === engine.policy.version) return engine
  const own = ownVersion()
  if (isLater(madeBy, own))
    return new Refused('version', `beckon ${madeBy} deployed policy ${policy}, and this is ${own}`)
  const ruled = withRules(engine, text)
  if (ruled?.policy.version === policy) return ruled
  return new Refused('version', `this version of beckon (${own}) does not take policy ${policy}`)
}

const policyHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** By the first two numbers: what rules may declare changes with these. */
function isLater(version: string, own: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [ownMajor = 0, ownMinor = 0] = own.split('.').map(Number)
  return major > ownMajor || (major === ownMajor && minor > ownMinor)
}
