import { textsAndBlanks } from './on-one-line.ts'

/** What people write from habit of other languages, and what CEL has in its place. */
const foreign: Readonly<Record<string, string>> = {
  '=': '==',
  '===': '==',
  '!==': '!=',
  '<>': '!=',
  '=>': '>=',
  '=<': '<=',
  '&': '&&',
  '|': '||',
  and: '&&',
  or: '||',
  not: '!',
  is: '==',
  '“': '"',
  '”': '"',
}

const words =
  /[!=]==|<>|(?<![=!<>])=(?:[<>]|(?!=))|(?<!&)&(?!&)|(?<!\|)\|(?!\|)|(?<![.\w])(?:and|or|not|is)\b(?!\.)|[“”]/i

/** The first operator of another language in an expression that is not CEL; undefined if it has none. */
export function foreignOperator(source: string): { readonly message: string; readonly position: number } | undefined {
  const code = source.replace(textsAndBlanks, (piece) => ' '.repeat(piece.length))
  const found = words.exec(code)
  if (found === null) return undefined
  const mend = foreign[found[0].toLowerCase()]!
  return { message: `${found[0]} is not CEL; did you mean ${mend}?`, position: found.index }
}
