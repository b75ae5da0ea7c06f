import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { childrenOf } from './expression.ts'

/** What an expression names, by its text alone. Nothing if it is not CEL: whoever compiles it reports that. */

/** The texts that it compares a variable with: `type == "x"`, `type in ["x", "y"]`. */
export function comparedTexts(source: string, variable: string): string[] {
  return nodesOf(source).flatMap((node) => {
    if (node.op !== '==' && node.op !== '!=' && node.op !== 'in') return []
    return node.args.some((child) => isCalled(child, variable)) ? node.args.flatMap(textsOf) : []
  })
}

/** The members of a variable that it reads: `properties.x`, `properties["x"]`. */
export function membersRead(source: string, variable: string): string[] {
  return nodesOf(source).flatMap((node) => {
    if (node.op === '.') return isCalled(node.args[0], variable) ? [node.args[1]] : []
    return node.op === '[]' && isCalled(node.args[0], variable) ? textsOf(node.args[1]) : []
  })
}

function nodesOf(source: string): ASTNode[] {
  try {
    return within(new Environment().parse(source).ast)
  } catch {
    return []
  }
}

function within(node: ASTNode): ASTNode[] {
  return node.op === 'value' || node.op === 'id' ? [node] : [node, ...childrenOf(node.args).flatMap(within)]
}

const isCalled = (node: ASTNode, name: string) => node.op === 'id' && node.args === name

function textsOf(node: ASTNode): string[] {
  if (node.op === 'list') return node.args.flatMap(textsOf)
  return node.op === 'value' && typeof node.args === 'string' ? [node.args] : []
}
