import { parse } from 'yaml'

/**
 * Settings of the environment over those of the file: `BECKON_KAFKA__BROKERS=a:9092,b:9092` sets `kafka.brokers`.
 * `__` parts the keys; the value is read as YAML, a list where the file would have one.
 */
const prefix = 'BECKON_'
/** Other variables with the prefix that are not settings. */
const reserved = new Set(['CONFIG', 'CACHE', 'TEST'])

/** Sets each variable's value in `value`, in place. @returns the paths set, by variable. */
export function applyEnvironment(value: Record<string, unknown>, env: NodeJS.ProcessEnv): Map<string, string> {
  const applied = new Map<string, string>()
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || !variable.startsWith(prefix)) continue
    const keys = variable.slice(prefix.length).toLowerCase().split('__')
    if (keys.length < 2 || reserved.has(variable.slice(prefix.length).split('_')[0]!)) continue
    set(
      value,
      keys,
      keys.at(-1) === 'brokers' ? text.split(',').map((broker) => broker.trim()) : scalar(text, keys.at(-1)!),
    )
    applied.set(keys.join('.'), variable)
  }
  return applied
}

/** Secrets and names stay text, though they may look like numbers. */
function scalar(text: string, key: string): unknown {
  if (/password|username|url|file|database/.test(key)) return text
  return parse(text) as unknown
}

function set(value: Record<string, unknown>, [key, ...rest]: readonly string[], to: unknown): void {
  if (rest.length === 0) {
    value[key!] = to
    return
  }
  const inner = value[key!]
  const next = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {}
  value[key!] = next
  set(next as Record<string, unknown>, rest, to)
}
