import type { ErrorCode } from 'yaml'

const colon = 'a map begins within a value: put a text that has ": " in quotes, or mind the indentation'

/** Our own words for errors that don't say the mend, or in which the parser would quote a part of the file: it may be part of a password. */
const ownWords: Partial<Record<ErrorCode, string>> = {
  TAG_RESOLVE_FAILED: 'an unknown tag: put a text that begins with ! in quotes',
  DUPLICATE_KEY: 'this key stands twice in its map: take one out',
  BLOCK_AS_IMPLICIT_KEY: colon,
  BLOCK_IN_FLOW: colon,
  BAD_DQ_ESCAPE: 'an unknown escape within " ": put the text in \' \', or write \\\\ for a backslash',
}

/** What is wrong with a text that is not YAML, without quoting any of it. */
export function yamlFault({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
  if (/^Unexpected \S+ at node end/.test(message))
    return "a value goes on after its closing quote or bracket: put the whole of it in ' '"
  return ownWords[code] ?? message.replace(/: [^:]*$/s, '')
}
