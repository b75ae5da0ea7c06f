/** Comments without the whitespace after them, string literals of each kind, whitespace. */
export const textsAndBlanks =
  /\/\/\S*(?:[^\S\n]+\S+)*|[rR](?:""".*?"""|'''.*?'''|"[^"]*"|'[^']*')|"""(?:\\.|[^\\])*?"""|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\s+/gs

/** An expression with each run of whitespace as one space, except within string literals, where whitespace has a meaning. */
export function onOneLine(source: string): string {
  return source.replace(textsAndBlanks, (piece) => (/^\s|^\/\//.test(piece) ? piece.replace(/\s+/g, ' ') : piece))
}
