import colors from 'picocolors'

/**
 * A log line for people: time, level, event, and fields as `name=value`; the hint comes last, on a line of its own.
 * @param json the JSON line that `createLogger` writes
 */
export function readableLine(json: string, paint: Paint = paints): string {
  const { level, time, event, app: _app, pid: _pid, hint, ...fields } = JSON.parse(json) as Record<string, unknown>
  const at = new Date(String(time))
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':')
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${told(name, value)}`)
  const mend = hint === undefined ? '' : `\n         ${String(hint)}`
  const grave = (paint[String(level)] ?? plain)(String(level).padEnd(5))
  return `${clock} ${grave} ${String(event)}${pairs.join('')}${mend}\n`
}

type Paint = Readonly<Record<string, (text: string) => string>>

const plain = (text: string) => text
const paints: Paint = {
  fatal: colors.red,
  error: colors.red,
  warn: colors.yellow,
  info: colors.green,
  debug: colors.dim,
}

/** A field as text. An error is shown by its names and codes, and those of its causes; only the JSON has the stack. */
function told(name: string, value: unknown): string {
  if (name !== 'error' || typeof value !== 'object' || value === null) {
    return typeof value === 'object' || /\s/.test(String(value)) ? JSON.stringify(value) : String(value)
  }
  const { name: kind, code, type, cause } = value as Record<string, unknown>
  const own = [kind, code, type].filter((part) => part !== undefined && part !== '').join('/')
  return cause === undefined ? own : `${own}<${told(name, cause)}`
}
