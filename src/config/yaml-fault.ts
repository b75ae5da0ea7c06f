import type { ErrorCode } from 'yaml'

/** Our own words for errors in which the parser would quote a part of the file: it may be part of a password. */
const ownWords: Partial<Record<ErrorCode, string>> = {
  TAG_RESOLVE_FAILED: 'an unknown tag: put a text that begins with ! in quotes',
  BAD_DQ_ESCAPE: 'an unknown escape within " ": put the text in \' \', or write \\\\ for a backslash',
}

/** What is wrong with a text that is not YAML, without quoting any of it. */
export function yamlFault({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
  return ownWords[code] ?? message.replace(/: [^:]*$/s, '')
}
