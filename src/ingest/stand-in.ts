import type { Value } from '../events/event.ts'

/** What producers write when they have nothing to send. */

/** What a missing id turns into on its way through a program; in lower case. */
const standIns = new Set([
  'null',
  'undefined',
  'nil',
  'none',
  'nan',
  'false',
  'n/a',
  '(null)',
  '(none)',
  '(not set)',
  '[object object]',
])
/** No word of the set above is longer; nor is a UUID, which may be all zeros. */
const [maxWordChars, maxChars] = [16, 38]
/** By first character: one bit for each length of a word that starts with it. */
const lengths = new Uint32Array(128)
for (const word of standIns) {
  for (const first of [word, word.toUpperCase()]) lengths[first.charCodeAt(0)]! |= 1 << word.length
}

/**
 * Whether an id is a placeholder: empty or blank, a word such as `null`, `0`, `-`, a UUID of zeros. For most ids one look
 * at the first character is enough.
 */
export function isStandIn(id: string): boolean {
  const first = id.charCodeAt(0)
  if (first > 0x20 && first < 0x7f) {
    if (id.length > maxChars) return false
    // 0 and -
    if (first === 0x30 || first === 0x2d) return /^[0-]*$/.test(id)
    return id.length <= maxWordChars && ((lengths[first]! >> id.length) & 1) === 1 && standIns.has(id.toLowerCase())
  }
  const trimmed = id.trim()
  return trimmed === '' || (trimmed.length < id.length && isStandIn(trimmed))
}

const emptyTexts = new Set(['', 'null', 'undefined', 'nil', 'none', '[]'])

/** Whether a value says that there is nothing. An empty list counts: PHP writes an empty object as `[]`. */
export function isNothing(value: Value): boolean {
  if (typeof value === 'string') return value.length <= maxWordChars && emptyTexts.has(value.trim().toLowerCase())
  return value === null || value === false || (Array.isArray(value) && value.length === 0)
}
