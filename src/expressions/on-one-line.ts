/** Comments without the blanks behind them, text literals of each kind, blanks. */
const pieces =
  /\/\/\S*(?:[^\S\n]+\S+)*|[rR](?:""".*?"""|'''.*?'''|"[^"]*"|'[^']*')|"""(?:\\.|[^\\])*?"""|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\s+/gs

/** An expression with one space for each run of blanks but those within its text literals, which mean what they are. */
export function onOneLine(source: string): string {
  return source.replace(pieces, (piece) => (/^\s|^\/\//.test(piece) ? piece.replace(/\s+/g, ' ') : piece))
}
