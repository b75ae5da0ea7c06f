import { parseDocument } from 'yaml'
import { yamlFault } from './yaml-fault.ts'

/**
 * Settings from the environment, which override the file: `BECKON_KAFKA__BROKERS=a:9092,b:9092` sets `kafka.brokers`. `__`
 * separates the keys. The value is read as YAML, as a list if the file would have one there, and as text if the schema wants
 * a text.
 */
const prefix = 'BECKON_'
/** Other variables with the prefix that are not settings. */
const reserved = new Set(['CONFIG', 'CACHE', 'TEST'])

/** A setting from the environment. */
export interface Setting {
  readonly variable: string
  readonly keys: readonly string[]
  readonly text: string
  /** Why the text is not YAML. */
  readonly fault: string | undefined
}

/** Sets each variable's value in `value`, in place. @returns the settings, by the path that they set */
export function applyEnvironment(value: Record<string, unknown>, env: NodeJS.ProcessEnv): Map<string, Setting> {
  const applied = new Map<string, Setting>()
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || !variable.startsWith(prefix)) continue
    const keys = variable.slice(prefix.length).toLowerCase().split('__')
    if (keys.length < 2 || reserved.has(variable.slice(prefix.length).split('_')[0]!)) continue
    const { to, fault } = read(text, keys.at(-1)!)
    set(value, keys, to)
    applied.set(keys.join('.'), { variable, keys, text, fault })
  }
  return applied
}

/** Takes a setting as plain text, not as the number, boolean or null that YAML makes of it. */
export function setAsText(value: Record<string, unknown>, { keys, text }: Setting): void {
  set(value, keys, text)
}

/** Secrets and names stay text, even if they look like something else. */
function read(text: string, key: string): { to: unknown; fault?: string } {
  if (key === 'brokers') return { to: text.split(',').map((broker) => broker.trim()) }
  if (/password|username|url|file|database/.test(key)) return { to: text }
  const document = parseDocument(text, { prettyErrors: false })
  const [fault] = [...document.errors, ...document.warnings]
  if (fault !== undefined) return { to: text, fault: yamlFault(fault) }
  try {
    return { to: document.toJS() as unknown }
  } catch {
    return { to: text, fault: 'an alias without an anchor, or too many aliases' }
  }
}

function set(value: Record<string, unknown>, [key, ...rest]: readonly string[], to: unknown): void {
  if (rest.length === 0) {
    value[key!] = to
    return
  }
  const inner = Object.hasOwn(value, key!) ? value[key!] : undefined
  // A copy: an alias and its anchor are the same object.
  const next = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? { ...inner } : {}
  value[key!] = next
  set(next as Record<string, unknown>, rest, to)
}
