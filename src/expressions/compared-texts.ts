import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { childrenOf } from './expression.ts'

/** The texts with which an expression compares a variable: `type == "x"`, `type in ["x", "y"]`. None where it is not CEL. */
export function comparedTexts(source: string, variable: string): string[] {
  try {
    return found(new Environment().parse(source).ast, variable)
  } catch {
    // It has been told by what compiles it.
    return []
  }
}

function found(node: ASTNode, variable: string): string[] {
  if (node.op === 'value' || node.op === 'id') return []
  const inside = childrenOf(node.args)
  const isOf = inside.some((child) => child.op === 'id' && child.args === variable)
  const texts = isOf && ['==', '!=', 'in'].includes(node.op) ? inside.flatMap(textsOf) : []
  return [...texts, ...inside.flatMap((child) => found(child, variable))]
}

function textsOf(node: ASTNode): string[] {
  if (node.op === 'list') return node.args.flatMap(textsOf)
  return node.op === 'value' && typeof node.args === 'string' ? [node.args] : []
}
