import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { didYouMean } from '../expressions/expression.ts'
import type { Fault } from './fault.ts'
import { knownKeys, mapsThatKnow } from './known-keys.ts'
import { yamlFault } from './yaml-fault.ts'

/**
 * `beckon.yaml` and the files that it includes, merged into one value, of which each part still knows its file and line.
 * Lists (topics, features, actions) are joined in the order of the files; any other key may be in one file only.
 */
export interface ConfigSource {
  readonly value: Record<string, unknown>
  /** Faults in the YAML itself, in the includes, and from merging. */
  readonly faults: Fault[]
  /** A fault at a path of the merged value; `offset` counts characters into the text there. */
  fault(path: readonly PropertyKey[], message: string, offset?: number): Fault
  /**
   * The fault of a key that nothing knows, with the mend where it comes from a comma within `{ }`, belongs in another map, or
   * is close to a key that the schema of the whole file knows there.
   */
  unknownKey(path: readonly PropertyKey[], schema: z.core.$ZodType): Fault
  /** The folder of the file that a path comes from: relative file names there refer to it. */
  folder(path: readonly PropertyKey[]): string
}

interface File {
  readonly name: string
  readonly document: Document
  readonly content: unknown
  readonly lines: LineCounter
}

export function readConfigSource(fileName: string): ConfigSource {
  const faults: Fault[] = []
  // Without a prototype: a key may be called `constructor` or `__proto__`, which then is a fault with a place.
  const value: Record<string, unknown> = Object.create(null)
  const owners = new Map<string, File>()
  const items = new Map<string, { file: File; index: number }[]>()

  const read = (name: string, includedFrom: readonly string[]) => {
    const file = openFile(name, faults)
    if (!file) return
    const { content } = file
    if (content === null && includedFrom.length > 0) return
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      faults.push({ file: name, line: 1, column: 1, path: '', message: 'the file holds no keys' })
      return
    }
    const { include = [], ...rest } = content as Record<string, unknown>
    for (const [key, part] of Object.entries(rest)) merge(file, key, part)
    for (const [index, included] of (Array.isArray(include) ? include : [include]).entries()) {
      const path = resolve(dirname(name), String(included))
      if (![...includedFrom, name].includes(path)) read(path, [...includedFrom, name])
      else faults.push(faultIn(file, ['include', index], 'the file includes itself'))
    }
  }

  const merge = (file: File, key: string, part: unknown) => {
    const before = value[key]
    if (Array.isArray(part) && (before === undefined || Array.isArray(before))) {
      value[key] = [...(before ?? []), ...part]
      items.set(key, [...(items.get(key) ?? []), ...part.map((_, index) => ({ file, index }))])
    } else if (before === undefined) {
      value[key] = part
    } else {
      faults.push(faultIn(file, [key], `the key is also in ${owners.get(key)!.name}; keep it in one file`))
      return
    }
    if (!owners.has(key)) owners.set(key, file)
  }

  read(resolve(fileName), [])

  const place = (path: readonly PropertyKey[]): { file: File | undefined; inFile: readonly PropertyKey[] } => {
    const [key, index, ...rest] = path
    const item = typeof index === 'number' ? items.get(String(key))?.[index] : undefined
    if (item) return { file: item.file, inFile: [key!, item.index, ...rest] }
    return { file: owners.get(String(key)), inFile: path }
  }
  const fault: ConfigSource['fault'] = (path, message, offset) => {
    const { file, inFile } = place(path)
    if (file) return { ...faultIn(file, inFile, message, offset), path: path.join('.') }
    return { file: resolve(fileName), line: 0, column: 0, path: path.join('.'), message }
  }
  return {
    value,
    faults,
    fault,
    unknownKey(path, schema) {
      const { file, inFile } = place(path)
      if (!file || !isCutOff(file, inFile)) return fault(path, unknownKey(path, schema))
      // We don't name the key: it may be the end of a password.
      return { ...fault(path, cutOff), path: path.slice(0, -1).join('.') }
    },
    folder: (path) => dirname(place(path).file?.name ?? resolve(fileName)),
  }
}

function openFile(name: string, faults: Fault[]): File | undefined {
  let text: string
  try {
    text = readFileSync(name, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : String((error as Error).message)
    faults.push({ file: name, line: 0, column: 0, path: '', message: why })
    return undefined
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const add = (message: string, at: number) => {
    const { line, col: column } = lines.linePos(at)
    faults.push({ file: name, line, column, path: '', message })
  }
  // What the parser only warns about, for instance an unknown tag, would be read differently than meant.
  const all = [...document.errors, ...document.warnings]
  // From where the parser has lost its way, it takes all that follows for a fault.
  const lost = all.findIndex(({ code }) => code === 'UNEXPECTED_TOKEN')
  if (lost !== -1) all.length = lost + 1
  const known = faults.length
  for (const error of all) add(yamlFault(error), error.pos[0])
  visit(document, {
    Pair(_, { key }) {
      // The schema check does not see this key, so it would be dropped silently.
      if (isScalar(key) && key.value === '__proto__') add('no key can be called __proto__', key.range?.[0] ?? 0)
    },
  })
  visit(document, {
    Alias(_, alias, within) {
      const of = alias.resolve(document)
      if (of !== undefined && within.includes(of)) add('this alias is inside its own anchor', alias.range?.[0] ?? 0)
    },
  })
  if (faults.length > known) return undefined
  try {
    return { name, document, content: document.toJS(), lines }
  } catch (error) {
    // The only other cause is a merge key (<<) of something that is not a map.
    const { message, at } =
      error instanceof ReferenceError ? aliasFault(document) : { message: String((error as Error).message), at: 0 }
    add(message, at)
    return undefined
  }
}

/** Why the aliases can't be followed: one has no anchor, or they make a small file a huge value. */
function aliasFault(document: Document): { message: string; at: number } {
  let fault = { message: 'too many aliases (at most 100, counting those inside what they refer to)', at: 0 }
  visit(document, {
    Alias(_, alias) {
      const at = alias.range?.[0] ?? 0
      if (fault.at === 0) fault = { ...fault, at }
      if (alias.resolve(document) !== undefined) return undefined
      // We don't name the alias: it may be a password that begins with *.
      fault = {
        message: 'this alias has no anchor before it: put a text that begins with * in quotes',
        at,
      }
      return visit.BREAK
    },
  })
  return fault
}

const shortest = 3

export function unknownKey(path: readonly PropertyKey[], schema: z.core.$ZodType): string {
  const [key, within] = [String(path.at(-1)), path.slice(0, -1)]
  const owners = mapsThatKnow(schema, within, key)
  if (owners.length > 0) return `unknown key; it belongs in ${owners.join(' or ')}`
  // Nearly anything is close to a key of one letter.
  return `unknown key${key.length < shortest ? '' : didYouMean(key, knownKeys(schema, within))}`
}

export const cutOff = 'a key without a value; within { } a comma ends a value: put a value that has one in quotes'

/** Whether this is a key without a value in a map in braces, which is what the rest of a value with a comma looks like. */
function isCutOff(file: File, path: readonly PropertyKey[]): boolean {
  const map = file.document.getIn(path.slice(0, -1), true)
  if (!isMap(map) || map.flow !== true) return false
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
  return (
    pair !== undefined &&
    (pair.value === null || (isNode(pair.value) && pair.value.range?.[0] === pair.value.range?.[1]))
  )
}

/** The place of the deepest node on the path that the file has: a missing key is reported where it should be. */
function faultIn(file: File, path: readonly PropertyKey[], message: string, offset = 0): Fault {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = file.document.getIn(path.slice(0, depth), true) as { range?: [number, number, number] } | undefined
    if (!node?.range) continue
    const { line, col: column } = file.lines.linePos(node.range[0] + (depth === path.length ? offset : 0))
    return { file: file.name, line, column, path: path.join('.'), message }
  }
  return { file: file.name, line: 1, column: 1, path: path.join('.'), message }
}
