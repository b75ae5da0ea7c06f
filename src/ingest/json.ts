/** JSON text to values, bounded and made harmless: objects lose their prototype, text its control characters. */

import { Properties, type Value } from '../events/event.ts'
import { cleanText } from '../events/text.ts'
import { type PathNode, placesOf } from './plan.ts'
import { rejected } from './rejected.ts'

const maxDepth = 32
const maxItems = 10_000
const maxNameLength = 256

const notObject = rejected('json', 'the value is not a JSON object')
const tooDeep = rejected('depth', 'nested deeper than 32 levels')
const tooManyItems = rejected('limit', 'more than 10,000 values')
const longName = rejected('limit', 'a name is longer than 256 characters')
const notFinite = rejected('not_finite', 'a number is not finite')

/**
 * The object's entries. Text at a path of `paths` that fills an id is left as it is: a bad id is refused, not cleaned.
 * Throws shared rejections.
 */
export function parseJsonObject(text: string, paths?: PathNode): Properties {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw notObject // The parser's message quotes the text, so we drop it.
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw notObject
  const names: string[] = []
  const values: Value[] = []
  const reader = new JsonReader()
  for (const [name, value] of Object.entries(json)) {
    names.push(cleanName(name))
    values.push(reader.value(value, 1, paths?.children.get(name)))
  }
  return new Properties(names, values)
}

class JsonReader {
  #items = 0

  value(json: unknown, depth: number, node: PathNode | undefined): Value {
    if (++this.#items > maxItems) throw tooManyItems
    if (typeof json === 'string') return node?.targets.some(isId) ? json : cleanText(json)
    if (typeof json === 'number') {
      // 1e999 is valid JSON.
      if (!Number.isFinite(json)) throw node === undefined ? notFinite : notFinite.at(placesOf(node))
      return json
    }
    if (typeof json !== 'object' || json === null) return json as boolean | null
    if (depth > maxDepth) throw tooDeep
    if (Array.isArray(json)) return json.map((item) => this.value(item, depth + 1, undefined))
    const object: Record<string, Value> = Object.create(null)
    for (const [name, value] of Object.entries(json)) {
      object[cleanName(name)] = this.value(value, depth + 1, node?.children.get(name))
    }
    return object
  }
}

function isId(target: PathNode['targets'][number]): boolean {
  return target.kind === 'text' && target.id
}

function cleanName(name: string): string {
  if (name.length > maxNameLength) throw longName
  return cleanText(name)
}
