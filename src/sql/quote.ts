/** The only place where data becomes a part of a query's text. */

/** A text as ClickHouse reads it back: unchanged, whatever it holds. */
export const quoteText = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be escaped.
  `'${text.replace(/[\\'\0-\x1f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`

/** A finite number as a Float64: the same double, since JS writes enough digits to tell it from its neighbours. */
export function quoteNumber(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is no number of a query`)
  return `toFloat64(${value})`
}

/** The name of a column. */
export const quoteName = (name: string) => `\`${name.replace(/[\\`]/g, '\\$&')}\``
